"""Being asked to stop: the first signal ends the run in good order, the second at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether SIGINT or SIGTERM came while the context was open.

    Only the main thread hears signals; elsewhere the context changes nothing.

    >>> with Stop() as stop:
    ...     before = stop.reason
    ...     signal.raise_signal(signal.SIGTERM)
    ...     before, stop.reason
    ('', 'SIGTERM')
    """

    def __init__(self) -> None:
        self.reason = ""
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # Python lets no other thread set handlers.
        if threading.current_thread() is threading.main_thread():
            self._former = {each: signal.signal(each, self._hear) for each in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._former.items():
            signal.signal(each, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal.

        Raises:
            KeyboardInterrupt: A signal came before.
        """
        name = signal.Signals(number).name
        if self.reason:
            raise KeyboardInterrupt(f"{name} came after {self.reason}")
        self.reason = name
