"""Being asked to stop: one flag of the process, which everything that takes long looks at.

The first SIGINT or SIGTERM raises the flag and the run ends in good order; the second interrupts.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from biomap_xr.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 4.0
"""Seconds for which a run that was asked to stop waits for what is in flight."""
LIMIT = 9.0
"""Seconds after which a command line that was asked to stop is ended, whatever it does."""
MESSAGE = "stopped; run the same command to go on"


class _Flag:
    """Whether this process listens, and which signal it heard."""

    listening = False
    reason = ""


def asked() -> str:
    """Return the name of the signal that asked this run to stop; empty where none did."""
    return _Flag.reason


def check() -> None:
    """Go on, unless somebody asked this run to stop.

    To be called between steps of some seconds at the most, where nothing is half written.

    Raises:
        StoppedError: Somebody did.

    >>> check()
    """
    if _Flag.reason:
        raise StoppedError(MESSAGE)


@contextmanager
def listening(*, limit: float | None = None) -> Iterator[None]:
    """Hear SIGINT and SIGTERM for as long as the outermost such context lasts.

    Only the main thread hears signals; elsewhere, and inside another one, the context changes
    nothing.

    Args:
        limit: Seconds after a signal at which the process ends at once, with the exit status of a
            stopped run: code that computes for long without a look at the flag is ended, too.
            None: it is waited for.

    >>> with listening():
    ...     signal.raise_signal(signal.SIGTERM)
    ...     asked()
    'SIGTERM'
    >>> asked()
    ''
    """
    if _Flag.listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    # It waits in vain where no signal comes, and must not keep the process alive.
    last_resort = threading.Timer(limit or 0, _leave)
    last_resort.daemon = True

    def hear(number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if _Flag.reason:
            raise KeyboardInterrupt(f"{name} came after {_Flag.reason}")
        _Flag.reason = name
        if limit is not None:
            last_resort.start()

    former = {each: signal.signal(each, hear) for each in SIGNALS}
    _Flag.listening = True
    try:
        yield
    finally:
        last_resort.cancel()
        for each, handler in former.items():
            signal.signal(each, handler)
        _Flag.listening, _Flag.reason = False, ""


def _leave() -> None:
    """End the process as one that was killed: all that is on disk is whole, and resume goes on."""
    # The interpreter's lock on standard error may be held by what hangs.
    os.write(2, f"biomap: {MESSAGE}\n".encode())
    os._exit(StoppedError.status)
