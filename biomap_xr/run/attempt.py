"""What a worker does with one tile: program, shards, then the receipt, last."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from biomap_xr.cubes import Shard
from biomap_xr.errors import CorruptError
from biomap_xr.grid.cells import Tile
from biomap_xr.run.failpoints import reach
from biomap_xr.run.marks import Mark
from biomap_xr.run.receipts import Ledger, Receipt, Statistics
from biomap_xr.run.watchdog import watched


@dataclass(frozen=True)
class Outcome:
    """What a program made of one tile."""

    shards: tuple[Shard, ...] = ()
    """Files that are on disk already, with paths relative to the root of the run."""
    statistics: Statistics = field(default_factory=dict)


class Program(Protocol):
    """The work on one tile: the same bytes for the same tile and fingerprint, wherever it runs.

    It is sent to each worker once. What is heavy, such as a model, it loads itself from a path at
    the first tile.
    """

    @property
    def name(self) -> str:
        """Name of the program, as receipts and progress show it."""

    @property
    def fingerprint(self) -> str:
        """Of everything that its shards depend on (see `fingerprint_of`)."""

    def __call__(self, tile: Tile) -> Outcome:
        """Make and write whatever belongs to ``tile``."""


@dataclass(frozen=True)
class Written:
    """A tile is finished: the small record that goes back to the driver."""

    seconds: float
    size: int
    """Bytes of all shards."""


@dataclass(frozen=True)
class WorkerDied:
    """The last worker on the tile died, so it was not tried again yet."""

    mark: Mark


@dataclass(frozen=True)
class Attempt:
    """One try at a tile, as it runs on a worker."""

    program: Program
    ledger: Ledger
    root: Path
    timeout: float | None
    """Seconds until the worker ends itself; None where the worker is the driver's own process."""

    def __call__(self, tile: Tile, number: int) -> Written | WorkerDied:
        """Run the program on a tile and write its receipt.

        Args:
            tile: Place to work on.
            number: 1 for the first try.

        Returns:
            What was written, or that the last worker on this tile died: then the driver decides.

        Raises:
            CorruptError: The program names shards that are not on disk as it says.
        """
        marks = self.ledger.marks
        with marks.working():
            # A mark that is there before the tile begins was left by a worker that died on it.
            earlier = marks.of(tile.name)
            marks.end(tile.name)
            # The receipt may have been the last thing that a worker wrote before it died.
            finished = self._finished(tile)
            if finished is not None:
                return finished
            if earlier is not None:
                return WorkerDied(earlier)
            mark = marks.begin(tile.name, number)
            try:
                with watched(marks, mark, self.timeout):
                    return self._work(tile, number)
            finally:
                # Not reached by a process that dies, which is what the mark is for.
                marks.end(tile.name)

    def _work(self, tile: Tile, number: int) -> Written:
        reach("begun")
        # Another program's receipt must not vouch for shards that this one only half replaced,
        # should the recipe be changed back.
        self.ledger.revoke(tile.name)
        start = time.perf_counter()
        outcome = self.program(tile)
        seconds = time.perf_counter() - start
        # A receipt is a promise about files, so the files are looked at first.
        self._check(tile, outcome)
        reach("before_receipt")
        self.ledger.write(
            Receipt(
                program=self.program.name,
                tile=tile.name,
                fingerprint=self.program.fingerprint,
                shards=outcome.shards,
                statistics=outcome.statistics,
                seconds=round(seconds, 3),
                attempt=number,
            )
        )
        return Written(seconds, sum(shard.size for shard in outcome.shards))

    def _finished(self, tile: Tile) -> Written | None:
        if not self.ledger.valid(tile.name, self.program.fingerprint, self.root):
            return None
        receipt = self.ledger.read(tile.name)
        if receipt is None:
            return None
        return Written(receipt.seconds, sum(shard.size for shard in receipt.shards))

    def _check(self, tile: Tile, outcome: Outcome) -> None:
        missing = [shard for shard in outcome.shards if not shard.is_intact(self.root)]
        if missing:
            raise CorruptError(
                f"program {self.program.name}, tile {tile.name}: {missing[0].path} of "
                f"{missing[0].size} bytes is not under {self.root}, though the program says so; "
                "expected shards on disk, with paths relative to that folder"
            )
