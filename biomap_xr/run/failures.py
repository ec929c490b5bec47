"""Tiles that were set aside: one record each, with what is needed to replay it."""

from dataclasses import dataclass
from pathlib import Path

from biomap_xr.run.durable import Record, publish


class Failure(Record):
    """A tile that was given up after its retries."""

    program: str
    tile: str
    fingerprint: str
    root: str
    """Folder of the run; with its recipe and the tile's name, all that a replay needs."""
    attempts: int
    error: str
    """Kind of error and its message."""
    traceback: str = ""


@dataclass(frozen=True)
class Failures:
    """The records in one folder.

    >>> import tempfile
    >>> failures = Failures(Path(tempfile.mkdtemp()))
    >>> lost = Failure(
    ...     program="maps", tile="a", fingerprint="ab", root="runs", attempts=3, error="OSError: no"
    ... )
    >>> failures.add(lost).name, failures.all() == (lost,)
    ('a.json', True)
    """

    folder: Path

    def add(self, failure: Failure) -> Path:
        """Record a tile that was given up, and return the record's path."""
        path = self.folder / f"{failure.tile}.json"
        publish(path, failure.model_dump_json(indent=1))
        return path

    def discard(self, tile: str) -> None:
        """Remove the record of an earlier failure of a tile that is finished now."""
        (self.folder / f"{tile}.json").unlink(missing_ok=True)

    def all(self) -> tuple[Failure, ...]:
        """Read every record, in order of the tiles' names."""
        paths = sorted(self.folder.glob("[!.]*.json"))
        return tuple(Failure.model_validate_json(path.read_bytes()) for path in paths)
