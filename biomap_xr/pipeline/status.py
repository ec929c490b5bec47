"""How far a run is, from its plans and receipts alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from biomap_xr.errors import SetAsideError
from biomap_xr.pipeline.makers.product_record import published
from biomap_xr.pipeline.records import PLOTS, SPLIT, folder_of, scored
from biomap_xr.pipeline.scores import RECORD
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Failure, owner_of
from biomap_xr.run.plan import Plan

COVARIATES = ("masks", "covariates")
ENVIRONMENT = ("environment", "wall_to_wall")
SPECIES, HABITATS = "model", "habitat model"


@dataclass(frozen=True)
class Filled:
    """How much of a program is done.

    >>> str(Filled(3, 4)), str(Filled(0, 0))
    ('3 of 4 tiles finished', 'not begun')
    """

    finished: int = 0
    """Tiles with a receipt of the program as it is now."""
    tiles: int = 0
    """All that it has to fill; 0 where it has not begun."""

    @property
    def done(self) -> bool:
        """Whether it has begun and nothing is left."""
        return 0 < self.tiles <= self.finished

    def __str__(self) -> str:
        return f"{self.finished} of {self.tiles} tiles finished" if self.tiles else "not begun"


@dataclass(frozen=True)
class Progress:
    """What is there of a run."""

    programs: dict[str, Filled]
    """By name, in the order in which they run."""
    failures: tuple[Failure, ...]
    models: dict[str, bool]
    """Whether each model that the recipe asks for is trained."""
    owner: str
    """The process that runs it now; empty where none does."""
    splits: dict[str, bool] = field(default_factory=dict)
    """Whether the scores under each compared split of each ensemble are there."""
    products: bool | None = None
    """Whether the files for others are those of these maps; None where none are asked for."""

    @property
    def status(self) -> int:
        """0 where all models, scores, maps and files are there, 4 where something is missing."""
        # What maps are made of may have tiles that no map needs.
        maps = (filled for name, filled in self.programs.items() if name not in COVARIATES)
        made = (*self.models.values(), *self.splits.values(), self.products is not False)
        done = all(made) and all(filled.done for filled in maps)
        return 0 if done and not self.failures else SetAsideError.status

    def lines(self) -> Iterator[str]:
        """Say it in plain words, line by line."""
        yield f"running: {self.owner or 'no'}"
        for model, trained in self.models.items():
            yield f"{model}: {'trained' if trained else 'not trained yet'}"
        for split, there in self.splits.items():
            yield f"{split}: {'scored' if there else 'not scored yet'}"
        for program, filled in self.programs.items():
            yield f"{program}: {filled}"
        if self.products is not None:
            yield f"products: {'written' if self.products else 'not written yet'}"
        for failure in self.failures:
            yield f"set aside: {failure.program} {failure.tile}: {failure.error}"


def progress_of(recipe: Recipe, workspace: Workspace) -> Progress:
    """Look at what a workspace holds; nothing is opened for writing or computed."""
    programs = programs_of(recipe)
    ledgers = [workspace.ledger(name) for name in programs]
    return Progress(
        programs={name: _filled(workspace, name) for name in programs},
        failures=tuple(each for ledger in ledgers for each in ledger.failures.all()),
        models=_models(recipe, workspace),
        owner=str(owner_of(workspace.root) or ""),
        splits=_splits(recipe, workspace),
        products=published(recipe, workspace),
    )


def programs_of(recipe: Recipe) -> tuple[str, ...]:
    """Name what a recipe fills tile by tile, in the order in which it runs."""
    if recipe.covariates is None:
        return ()
    species = ("maps",) if recipe.observations else ()
    return (*COVARIATES, *species, *(ENVIRONMENT if recipe.habitats.by_environment else ()))


def _models(recipe: Recipe, workspace: Workspace) -> dict[str, bool]:
    """Look for the record that ends each training that the recipe asks for."""
    trained = {}
    if recipe.observations is not None:
        trained[SPECIES] = (workspace.models / RECORD).is_file()
    if recipe.habitats.by_species is not None:
        trained[HABITATS] = scored(folder_of(workspace), PLOTS)
    ensembles = recipe.habitats.by_environment
    for formation in ensembles.formations if ensembles else ():
        trained[f"ensemble of {formation}"] = scored(folder_of(workspace, formation), PLOTS)
    return trained


def _splits(recipe: Recipe, workspace: Workspace) -> dict[str, bool]:
    ensembles = recipe.habitats.by_environment
    if ensembles is None:
        return {}
    return {
        f"split {name} of {formation}": scored(folder_of(workspace, formation), SPLIT + name)
        for formation in ensembles.formations
        for name in ensembles.compared_splits
    }


def _filled(workspace: Workspace, program: str) -> Filled:
    plan = Plan.read(workspace.plan(program))
    if plan is None:
        return Filled()
    return Filled(plan.finished(workspace.ledger(program)), plan.tiles)
