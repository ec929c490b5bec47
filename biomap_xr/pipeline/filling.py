"""One way to run a program over tiles within a run: receipts, progress, and an end that counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from biomap_xr.errors import SetAsideError
from biomap_xr.grid import Tile
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import FillSettings, Listener, Program, Summary, fill, silent


@dataclass(frozen=True)
class Filling:
    """Where a run writes, who works, and who is told."""

    workspace: Workspace
    workers: Workers
    settings: FillSettings
    listener: Listener = silent

    def run(self, program: Program, tiles: Iterable[Tile]) -> Summary:
        """Run a program on the tiles that have no valid receipt; paths are in the workspace."""
        ledger, root = self.workspace.ledger(program.name), self.workspace.root
        wanted = tuple(tiles)
        done = [tile for tile in wanted if ledger.valid(tile.name, program.fingerprint, root)]
        if len(done) == len(wanted):
            return Summary(program.name, (), tuple(tile.name for tile in done), ())
        return fill(
            program,
            wanted,
            ledger,
            self.workers.session(),
            root=root,
            settings=self.settings,
            listener=self.listener,
        )

    def complete(self, program: Program, tiles: Iterable[Tile]) -> Summary:
        """Run a program that a later stage needs whole.

        Raises:
            SetAsideError: A tile is missing at the end.
        """
        summary = self.run(program, tiles)
        if summary.failed:
            first = summary.failed[0]
            raise SetAsideError(
                f"{program.name}: {len(summary.failed)} tiles were set aside, first {first.tile}: "
                f"{first.error}; mend its input and run the recipe again"
            )
        if summary.left or summary.stopped:
            raise SetAsideError(
                f"{program.name}: stopped ({summary.stopped or 'interrupted'}) with "
                f"{len(summary.left)} tiles left; run the recipe again to go on"
            )
        return summary
