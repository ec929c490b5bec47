"""What a worker does with one task: program, files, then the receipt, last."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomap_xr.errors import CorruptError
from biomap_xr.run.failpoints import reach
from biomap_xr.run.marks import Mark
from biomap_xr.run.receipts import Ledger, Receipt
from biomap_xr.run.task import Named, Outcome, Program, key_of
from biomap_xr.run.watchdog import watched


@dataclass(frozen=True)
class Written:
    """A task is finished: the small record that goes back to the driver."""

    seconds: float
    size: int
    """Bytes of all files."""


@dataclass(frozen=True)
class WorkerDied:
    """The last worker on the task died, so it was not tried again yet."""

    mark: Mark


@dataclass(frozen=True)
class Attempt:
    """One try at a task, as it runs on a worker."""

    program: Program[Any]
    ledger: Ledger
    root: Path
    timeout: float | None
    """Seconds until the worker ends itself; None where the worker is the driver's own process."""

    def __call__(self, item: Named, number: int) -> Written | WorkerDied:
        """Run the program on a task and write its receipt.

        Args:
            item: What to work on.
            number: 1 for the first try.

        Returns:
            What was written, or that the last worker on this task died: then the driver decides.

        Raises:
            CorruptError: The program names files that are not on disk as it says.
        """
        marks = self.ledger.marks
        with marks.working():
            # A mark that is there before the task begins was left by a worker that died on it.
            earlier = marks.of(item.name)
            marks.end(item.name)
            # The receipt may have been the last thing that a worker wrote before it died.
            finished = self._finished(item)
            if finished is not None:
                return finished
            if earlier is not None:
                return WorkerDied(earlier)
            mark = marks.begin(item.name, number)
            try:
                with watched(marks, mark, self.timeout):
                    return self._work(item, number)
            finally:
                # Not reached by a process that dies, which is what the mark is for.
                marks.end(item.name)

    def _work(self, item: Named, number: int) -> Written:
        reach("begun")
        # Another program's receipt must not vouch for files that this one only half replaced,
        # should the recipe be changed back.
        self.ledger.revoke(item.name)
        start = time.perf_counter()
        outcome = self.program(item)
        seconds = time.perf_counter() - start
        # A receipt is a promise about files, so the files are looked at first.
        self._check(item, outcome)
        reach("before_receipt")
        self.ledger.write(
            Receipt(
                program=self.program.name,
                tile=item.name,
                fingerprint=self.program.fingerprint,
                key=key_of(item),
                shards=outcome.shards,
                statistics=outcome.statistics,
                seconds=round(seconds, 3),
                attempt=number,
            )
        )
        return Written(seconds, sum(shard.size for shard in outcome.shards))

    def _finished(self, item: Named) -> Written | None:
        if not self.ledger.has(item, self.program.fingerprint, self.root):
            return None
        receipt = self.ledger.read(item.name)
        if receipt is None:
            return None
        return Written(receipt.seconds, sum(shard.size for shard in receipt.shards))

    def _check(self, item: Named, outcome: Outcome) -> None:
        missing = [shard for shard in outcome.shards if not shard.is_intact(self.root)]
        if missing:
            raise CorruptError(
                f"program {self.program.name}, {item.name}: {missing[0].path} of "
                f"{missing[0].size} bytes is not under {self.root}, though the program says so; "
                "expected files on disk, with paths relative to that folder"
            )
