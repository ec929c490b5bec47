"""How far a run is, from its receipts alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from biomap_xr.errors import SetAsideError
from biomap_xr.pipeline.scores import RECORD
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Failure, owner_of

PROGRAMS = ("masks", "covariates", "maps")


@dataclass(frozen=True)
class Progress:
    """What is there of a run."""

    finished: dict[str, int]
    """Tiles with a receipt, by program."""
    failures: tuple[Failure, ...]
    trained: bool
    mapped: bool
    """Whether the recipe asks for maps."""
    owner: str
    """The process that runs it now; empty where none does."""

    @property
    def status(self) -> int:
        """0 where models and maps are there and nothing was set aside."""
        done = self.trained and (not self.mapped or self.finished["maps"] > 0)
        return 0 if done and not self.failures else SetAsideError.status

    def lines(self) -> Iterator[str]:
        """Say it in plain words, line by line."""
        yield f"running: {self.owner or 'no'}"
        yield f"model: {'trained' if self.trained else 'not trained yet'}"
        if self.mapped:
            for program, tiles in self.finished.items():
                yield f"{program}: {tiles} tiles finished"
        for failure in self.failures:
            yield f"set aside: {failure.program} {failure.tile}: {failure.error}"


def progress_of(recipe: Recipe, workspace: Workspace) -> Progress:
    """Look at what a workspace holds; nothing is opened for writing or computed."""
    ledgers = {name: workspace.ledger(name) for name in PROGRAMS}
    return Progress(
        finished={name: len(tuple(ledger.receipts())) for name, ledger in ledgers.items()},
        failures=tuple(each for ledger in ledgers.values() for each in ledger.failures.all()),
        trained=(workspace.models / RECORD).is_file(),
        mapped=recipe.covariates is not None,
        owner=str(owner_of(workspace.root) or ""),
    )
