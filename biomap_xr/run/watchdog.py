"""A tile that hangs takes its worker down: nothing gentler stops a thread in compiled code."""

import faulthandler
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from biomap_xr.run.marks import Mark, Marks

EXIT_STATUS = 124


@contextmanager
def watched(marks: Marks, mark: Mark, timeout: float | None) -> Iterator[None]:
    """End this process if the context lasts too long, noting where every thread stood.

    Args:
        marks: Where the mark lies.
        mark: Of the tile that runs in the context.
        timeout: Seconds; None watches nothing.
    """
    if timeout is None:
        yield
        return
    timer = threading.Timer(timeout, _give_up, (marks, mark, timeout))
    # A worker that closes must not wait for it.
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(marks: Marks, mark: Mark, timeout: float) -> None:
    note = f"still running after {timeout:g} s, so its worker was ended\n{_stacks()}"
    # The mark outlives the process and tells the driver why it ended.
    marks.annotate(mark.model_copy(update={"note": note}))
    os._exit(EXIT_STATUS)


def _stacks() -> str:
    """Describe where each thread of this process stands, innermost call first."""
    # It wants a real file, since it writes without the interpreter's help.
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file=file)
        file.seek(0)
        return file.read()
