"""Being asked to stop: one flag of the process, which everything that takes long looks at.

The first SIGINT or SIGTERM raises the flag and the run ends in good order; the second interrupts.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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

    def hear(number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if _Flag.reason:
            raise KeyboardInterrupt(f"{name} came after {_Flag.reason}")
        _Flag.reason = name

    with _ended_after(limit) if limit is not None else nullcontext():
        former = {each: signal.signal(each, hear) for each in SIGNALS}
        _Flag.listening = True
        try:
            yield
        finally:
            for each, handler in former.items():
                signal.signal(each, handler)
            _Flag.listening, _Flag.reason = False, ""


@contextmanager
def _ended_after(limit: float) -> Iterator[None]:
    """End this process so many seconds after a signal, if the context still lasts then."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Python's own handler waits until the main thread is back from compiled code; this does not.
    former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, limit), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        os.close(writing)
        watcher.join()
        os.close(reading)


def _watch(reading: int, limit: float) -> None:
    """Read the numbers of signals until there are no more, or until the time is over."""
    deadline = None
    while True:
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not select.select([reading], [], [], left)[0]:
            _leave()
        heard = os.read(reading, 64)
        if not heard:
            return
        if deadline is None and any(number in heard for number in SIGNALS):
            deadline = time.monotonic() + limit


def _leave() -> None:
    """End the process as one that was killed: all that is on disk is whole, and resume goes on."""
    # The interpreter's lock on standard error may be held by what hangs.
    os.write(2, f"biomap: {MESSAGE}\n".encode())
    os._exit(StoppedError.status)
