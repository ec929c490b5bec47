"""Receipts: a task is finished when its receipt is there, and its receipt is written last.

A ledger is a folder with one file a finished task. Beside the receipts stand the marks of tasks in
flight and the records of tasks that were set aside.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from biomap_xr.cubes import Shard
from biomap_xr.durable import sweep
from biomap_xr.run.durable import Record, publish
from biomap_xr.run.failures import Failures
from biomap_xr.run.marks import Mark, Marks
from biomap_xr.run.task import Named, Statistics, key_of

logger = logging.getLogger(__name__)


class Receipt(Record):
    """What was written for one task."""

    version: Literal[1] = 1
    program: str
    tile: str
    """Name of the tile, or of a task of another kind."""
    fingerprint: str
    """Of everything that the files of every task of the program depend on."""
    key: str = ""
    """What this task depends on besides; a tile has none."""
    shards: tuple[Shard, ...] = ()
    """Paths are relative to the root of the run; none for a tile of open sea."""
    statistics: Statistics = Field(default_factory=dict)
    seconds: float
    attempt: int
    """1 where the first try succeeded."""


@dataclass(frozen=True)
class Ledger:
    """The receipts of one program in one folder.

    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()))
    >>> ledger.write(Receipt(program="maps", tile="a", fingerprint="1f", seconds=1.5, attempt=1))
    >>> [ledger.valid("a", fingerprint, root=Path()) for fingerprint in ("1f", "2e")]
    [True, False]
    """

    folder: Path

    @property
    def marks(self) -> Marks:
        """Tiles that have begun and not ended."""
        return Marks(self.folder / "begun")

    @property
    def failures(self) -> Failures:
        """Tiles that were set aside."""
        return Failures(self.folder / "set_aside")

    def write(self, receipt: Receipt) -> None:
        """Publish a receipt atomically; what it speaks of must be on disk already."""
        without = None if receipt.key else {"key"}
        publish(self._path(receipt.tile), receipt.model_dump_json(indent=1, exclude=without))

    def revoke(self, tile: str) -> None:
        """Remove the receipt of a tile whose shards are about to be written anew."""
        self._path(tile).unlink(missing_ok=True)

    def read(self, tile: str) -> Receipt | None:
        """Return the receipt of a tile; None where there is none, or none that can be read."""
        path = self._path(tile)
        try:
            receipt = Receipt.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]["msg"]
            logger.warning("%s is not a whole receipt and counts as absent: %s", path, problem)
            return None
        # A file copied or renamed by hand must not vouch for another tile.
        if receipt.tile != tile:
            logger.warning("%s speaks of tile %s and counts as absent", path, receipt.tile)
            return None
        return receipt

    def has(self, item: Named, fingerprint: str, root: Path) -> bool:
        """Say whether an item is done by a program of this fingerprint (see `valid`)."""
        return self.valid(item.name, fingerprint, root, key=key_of(item))

    def valid(
        self, tile: str, fingerprint: str, root: Path, *, key: str = "", deep: bool = False
    ) -> bool:
        """Say whether a task has a receipt of this fingerprint, and its files their recorded size.

        Args:
            tile: Name of the tile or other task.
            fingerprint: Of what its program depends on now.
            root: Folder that the paths of the files are relative to.
            key: What the task itself depends on now.
            deep: Also compare the content of every file with its recorded SHA-256.
        """
        receipt = self.read(tile)
        if receipt is None or (receipt.fingerprint, receipt.key) != (fingerprint, key):
            return False
        # Zarr reads a missing shard as fill value, so its absence must be seen here.
        damaged = [shard.path for shard in receipt.shards if not shard.is_intact(root, deep=deep)]
        if damaged:
            logger.warning(
                "%s: %d files missing or damaged, first %s", tile, len(damaged), damaged[0]
            )
        return not damaged

    def tiles(self) -> tuple[str, ...]:
        """Return the names of all tiles that have a file here, whole or torn, in order."""
        # Names with a dot in front are temporary.
        return tuple(sorted(path.stem for path in self.folder.glob("[!.]*.json")))

    def receipts(self) -> Iterator[Receipt]:
        """Read every whole receipt, in order of the tiles' names."""
        return (receipt for receipt in map(self.read, self.tiles()) if receipt is not None)

    def torn(self) -> tuple[Path, ...]:
        """Return the files that should be receipts and cannot be read as such."""
        return tuple(self._path(tile) for tile in self.tiles() if self.read(tile) is None)

    def settle(self, patience: float) -> tuple[Mark, ...]:
        """Wait for workers that outlived a killed run, then clear what it left unfinished.

        Args:
            patience: Seconds to wait.

        Returns:
            The marks of the tiles that were in flight when that run was killed.

        Raises:
            InputError: A worker of an earlier run is still writing.
        """
        left = self.marks.settle(patience)
        for folder in (self.folder, self.failures.folder):
            sweep(folder)
        return left

    def _path(self, tile: str) -> Path:
        return self.folder / f"{tile}.json"
