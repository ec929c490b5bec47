"""Calls that may hang, with a time-out: a scheduler may be gone, or deaf under load."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from dask.local import SynchronousExecutor

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def answered(seconds: float, call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """Return what a call returns, or raise what it raises.

    Args:
        seconds: To wait for it; a call that takes longer is left to itself.
        call: Run in a thread of its own.
        arguments: Of the call.
        named: Of the call.

    Raises:
        TimeoutError: It takes longer.

    >>> answered(10, divmod, 7, 2)
    (3, 1)
    """
    return _ended(seconds, call, arguments, named).result()


def quietly(
    seconds: float, call: Callable[..., Answer], *arguments: Any, **named: Any
) -> Answer | None:
    """Return what a call returns, None where it fails or takes longer than ``seconds``.

    For farewells: an error of the run that is on its way must not be replaced by one of these.

    >>> quietly(10, divmod, 7, 0)
    """
    try:
        ended = _ended(seconds, call, arguments, named)
    except TimeoutError as error:
        logger.debug("%s", error)
        return None
    if (problem := ended.exception()) is not None:
        logger.debug("%s: %s: %s", _name(call), type(problem).__name__, problem)
        return None
    return ended.result()


def _ended(
    seconds: float, call: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> Any:
    """Return a call that has ended, as a future.

    Raises:
        TimeoutError: It takes longer.
    """
    box: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run() -> None:
        # It catches whatever the call raises, and keeps it for us.
        box.put(SynchronousExecutor().submit(call, *arguments, **named))

    # A pool's threads would be waited for when the interpreter ends.
    threading.Thread(target=run, daemon=True, name=_name(call)).start()
    try:
        return box.get(timeout=seconds)
    except queue.Empty as error:
        raise TimeoutError(f"{_name(call)} gave no answer within {seconds:g} s") from error


def _name(call: Callable[..., Any]) -> str:
    return getattr(call, "__qualname__", type(call).__name__)
