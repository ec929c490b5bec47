"""Marks of tiles in flight, so that the tile that kills its worker is named.

Dask blames every task that waits on a dead worker; a mark is there only while a tile really runs.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from biomap_xr.errors import InputError
from biomap_xr.run.durable import Record


class Mark(Record):
    """A tile that has begun: who works on it, and since when."""

    tile: str
    attempt: int
    pid: int
    host: str
    since: float
    """Seconds since 1970, to be read by a person; no decision rests on it."""
    note: str = ""
    """Why the worker ended itself, where it could still say so."""


@dataclass(frozen=True)
class Marks:
    """The marks in one folder.

    >>> import tempfile
    >>> marks = Marks(Path(tempfile.mkdtemp()))
    >>> marks.begin("25kmE4000N2800", 1).attempt, len(marks.all())
    (1, 1)
    >>> marks.end("25kmE4000N2800")
    >>> marks.all()
    ()
    """

    folder: Path

    def begin(self, tile: str, attempt: int) -> Mark:
        """Leave a mark that a tile has begun in this process."""
        # No force to disk: a mark tells of the death of a process, and none survives a power cut.
        since = round(time.time(), 3)
        mark = Mark(
            tile=tile, attempt=attempt, pid=os.getpid(), host=socket.gethostname(), since=since
        )
        self.annotate(mark)
        return mark

    def annotate(self, mark: Mark) -> None:
        """Replace the mark of a tile, for instance by one that says why its worker ends itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._path(mark.tile).write_text(mark.model_dump_json())

    def end(self, tile: str) -> None:
        """Remove the mark of a tile that has ended, well or not."""
        self._path(tile).unlink(missing_ok=True)

    def of(self, tile: str) -> Mark | None:
        """Return the mark of a tile that began and has not ended, None where there is none."""
        try:
            return Mark.model_validate_json(self._path(tile).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            # Torn by the death of the worker while it wrote: that the tile began is still known.
            return Mark(tile=tile, attempt=0, pid=0, host="unknown", since=0.0, note="torn mark")

    def all(self) -> tuple[Mark, ...]:
        """Return the marks of all tiles that began and have not ended, in order of their names."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        return tuple(mark for mark in map(self.of, names) if mark is not None)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Share the folder's lock with the other workers, so that the next run can wait for all."""
        with self._gate() as descriptor:
            # The system drops it with the process, so a killed worker never blocks a next run.
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield

    def settle(self, patience: float) -> tuple[Mark, ...]:
        """Wait for workers that outlived a killed run, then remove what marks it left.

        Args:
            patience: Seconds to wait.

        Returns:
            The marks of tiles that were in flight when the last run was killed.

        Raises:
            InputError: A worker of an earlier run is still writing after ``patience`` seconds.
        """
        with self._gate() as descriptor:
            deadline = time.monotonic() + patience
            while not _lock_alone(descriptor):
                if time.monotonic() > deadline:
                    raise InputError(self._still_working(patience))
                time.sleep(0.05)
            # Read under the lock: nobody works any more, so what is marked did not end.
            left = self.all()
            for mark in left:
                self.end(mark.tile)
        return left

    def _still_working(self, patience: float) -> str:
        owners = ", ".join(
            f"{mark.tile} (process {mark.pid} on {mark.host})" for mark in self.all()
        )
        return (
            f"{self.folder}: workers of an earlier run are still writing after {patience:g} s: "
            f"{owners or 'unknown'}; expected none. Wait for them or end those processes, "
            "then start again"
        )

    @contextmanager
    def _gate(self) -> Iterator[int]:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".working", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _path(self, tile: str) -> Path:
        return self.folder / f"{tile}.json"


def _lock_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
