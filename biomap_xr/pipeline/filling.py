"""One way to run a program over tiles within a run: receipts, progress, and an end that counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from biomap_xr.errors import BiomapError, CorruptError, InputError, SetAsideError
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Failure, FillSettings, Listener, Program, Summary, fill, silent, stopping
from biomap_xr.run.plan import Plan
from biomap_xr.run.task import Item, unit_of

KINDS: dict[str, type[BiomapError]] = {
    kind.__name__: kind for kind in (InputError, CorruptError, SetAsideError)
}
"""What a tile can have failed of, by the name that its record begins with."""


@dataclass(frozen=True)
class Filling:
    """Where a run writes, who works, and who is told."""

    workspace: Workspace
    workers: Workers
    settings: FillSettings
    listener: Listener = silent

    def run(self, program: Program[Item], tiles: Iterable[Item]) -> Summary:
        """Run a program on the tiles that have no valid receipt; paths are in the workspace.

        Raises:
            StoppedError: Somebody asked the run to stop.
            SetAsideError: The disk is full, or the cluster is gone.
        """
        ledger, root = self.workspace.ledger(program.name), self.workspace.root
        wanted = tuple(tiles)
        Plan.of(program, wanted).write(self.workspace.plan(program.name))
        done = [item for item in wanted if ledger.has(item, program.fingerprint, root)]
        self._forget(program, {item.name for item in done})
        if len(done) == len(wanted):
            return Summary(program.name, (), tuple(item.name for item in done), ())
        summary = fill(
            program,
            wanted,
            ledger,
            self.workers.session(),
            root=root,
            settings=self.settings,
            listener=self.listener,
        )
        # No later stage begins, and nothing that is not whole is published.
        stopping.check()
        if summary.stopped:
            raise SetAsideError(
                f"{program.name}: stopped ({summary.stopped}) with {len(summary.left)} "
                f"{unit_of(program)} left; mend that and run the recipe again to go on"
            )
        return summary

    def _forget(self, program: Program[Item], done: set[str]) -> None:
        """Drop records of failures that are no more: of former programs, and of finished tiles.

        A run killed between a tile's receipt and the end of its failure's record leaves both.
        """
        failures = self.workspace.ledger(program.name).failures
        for failure in failures.all():
            if failure.fingerprint != program.fingerprint or failure.tile in done:
                failures.discard(failure.tile)

    def complete(self, program: Program[Item], tiles: Iterable[Item]) -> Summary:
        """Run a program that a later stage needs whole.

        Raises:
            InputError: The inputs of a tile do not fit.
            CorruptError: Those that were stored are not what was written.
            SetAsideError: A tile is missing at the end for another reason.
        """
        summary = self.run(program, tiles)
        if summary.failed:
            first = summary.failed[0]
            raise _kind_of(first)(
                f"{program.name}: {len(summary.failed)} {unit_of(program)} were set aside, first "
                f"{first.tile}: {first.error}; mend its input and run the recipe again"
            )
        if summary.left or summary.stopped:
            raise SetAsideError(
                f"{program.name}: stopped ({summary.stopped or 'interrupted'}) with "
                f"{len(summary.left)} {unit_of(program)} left; run the recipe again to go on"
            )
        return summary


def _kind_of(failure: Failure) -> type[BiomapError]:
    """Return the error to stop with: a run that ends early has not finished but for some tiles."""
    return KINDS.get(failure.error.partition(":")[0], SetAsideError)
