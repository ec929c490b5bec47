"""The main path: every stage in order."""

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from biomap_xr import virtual
from biomap_xr.errors import BiomapError, InputError, RecipeError, SetAsideError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Problem
from biomap_xr.pipeline.stage import Record, Stage
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workspace import Workspace, identity
from biomap_xr.recipe import Recipe
from biomap_xr.run import Failure, Listener, Summary, WorkspaceLock, claim, silent, stopping

if TYPE_CHECKING:
    from biomap_xr.habitats.ensemble.artefact import FormationModel
    from biomap_xr.habitats.plantbert.model import HabitatModel
    from biomap_xr.pipeline.makers.environment_maps import EnvironmentMaps
    from biomap_xr.pipeline.makers.products import Published
    from biomap_xr.pipeline.workers import Workers
    from biomap_xr.species.model import SpeciesModel

logger = logging.getLogger(__name__)

SHOWN = 12
"""Problems that an error spells out; `biomap check` prints all."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a run has made; results are loaded where they are asked for."""

    making: Making = field(repr=False)
    stages: tuple[Stage, ...]
    """Those that it was asked to make."""
    unmade: dict[str, str] = field(default_factory=dict)
    """Stages that are not whole, and why."""

    @property
    def workspace(self) -> Workspace:
        """Folder of the run."""
        return self.making.workspace

    @property
    def recipe(self) -> Recipe:
        """As it was loaded."""
        return self.making.written

    @property
    def failed(self) -> tuple[Failure, ...]:
        """Tiles that were set aside."""
        return self.making.failures()

    @property
    def status(self) -> int:
        """Exit status: 0, or that of a run of which something was set aside."""
        return SetAsideError.status if self.unmade else 0

    def result(self, stage: str) -> Any:
        """Return what a stage made; None where the recipe does not ask for it, or it is missing."""
        # Maps with tiles set aside are there all the same.
        missing = stage in self.unmade and not self.making.has(stage)
        return None if missing else self.making.result(stage)

    @property
    def model(self) -> "SpeciesModel | None":
        """Of species."""
        return self.result("species")

    @property
    def habitats(self) -> "HabitatModel | None":
        """Pl@ntBERT."""
        return self.result("by_species")

    @property
    def maps(self) -> Summary | None:
        """Tiles of species and what follows from them."""
        return self.result("maps")

    @property
    def formations(self) -> "tuple[FormationModel, ...]":
        """Ensembles of paper 2."""
        return self.result("ensembles") or ()

    @property
    def environment(self) -> "EnvironmentMaps | None":
        """Tiles of these ensembles."""
        return self.result("environment")

    @property
    def products(self) -> "Published | None":
        """Files for others."""
        return self.result("products")


def run(
    recipe: Recipe,
    workspace: Workspace,
    workers: "Workers",
    listener: Listener = silent,
    *,
    only: str = "",
) -> Run:
    """Run a recipe, or go on where it stopped.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run; made where it is missing.
        workers: Who does the tasks.
        listener: Told of every task.
        only: Name of the one stage to make; those that it reads must be done. Empty: all stages.

    Raises:
        RecipeError: The recipe asks for something impossible, or has no such stage.
        InputError: Inputs or the workspace do not fit; nothing that was there is lost.
        SetAsideError: Tiles of something that a later stage needs whole were set aside.
        StoppedError: Somebody asked the run to stop.
    """
    making = Making(recipe, workspace, STAGES, workers, listener)
    chosen = _chosen(making, only)
    workspace.make()
    claim(workspace.root, identity(recipe))
    with WorkspaceLock(workspace.root):
        # Again, now alone: two recipes may have claimed one new folder at the same moment. Before
        # the lock the claim keeps even the lock's file out of foreign folders.
        claim(workspace.root, identity(recipe))
        if recipe.simulate is not None:
            virtual.simulate(recipe.simulate, workspace.virtual)
        open_stages = [stage for stage in chosen if not stage.state(making).done]
        # Wrong inputs should be known before the long work, not after it.
        refuse(list(making.problems(open_stages)))
        made = Run(making, chosen)
        for stage in chosen:
            stopping.check()
            _go_on(stage, made)
        if not only:
            for stage in (each for each in STAGES if each not in making.wanted):
                stage.forget(making)
        return made


def refuse(problems: list[Problem]) -> None:
    """Stop where there are problems.

    Raises:
        RecipeError: The recipe cannot mean anything.
        InputError: Inputs do not fit; each problem is named.
    """
    if not problems:
        return
    lines = [problem.message for problem in problems]
    wrong = min(problem.status for problem in problems)
    kind: type[BiomapError] = RecipeError if wrong == RecipeError.status else InputError
    if len(lines) == 1:
        raise kind(lines[0])
    more = f"\n... and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    raise kind(f"{len(lines)} problems with the inputs:\n" + "\n".join(lines[:SHOWN]) + more)


def _chosen(making: Making, only: str) -> tuple[Stage, ...]:
    """Return the stages to make.

    Raises:
        RecipeError: The recipe has no stage of this name.
        InputError: A stage that it reads is not done.
    """
    if not only:
        return making.wanted
    names = [stage.name for stage in making.wanted]
    if only not in names:
        raise RecipeError(
            f"--only {only!r}: recipe {making.written.name!r} has no such stage; expected one of "
            f"{', '.join(names)}"
        )
    stage = making.stage(only)
    for each in making.before(stage):
        state = each.state(making)
        if not state.done:
            raise InputError(
                f"--only {only}: it reads {each.name}, which is {state.progress}"
                f"{f' ({state.why})' if state.why else ''}; make that first, or leave --only out"
            )
    return (stage,)


def _go_on(stage: Stage, made: Run) -> None:
    """Make a stage unless it is done, and note by what it was made."""
    making = made.making
    waits = [each.name for each in making.before(stage) if each.name in made.unmade]
    if waits:
        # A file or a map of something with holes would look finished.
        made.unmade[stage.name] = f"waits for {', '.join(waits)}"
        logger.warning("%s: not made, since %s is not whole", stage.name, " and ".join(waits))
        return
    # What earlier stages have just made may be part of what this one depends on.
    making.forget_keys()
    state = stage.state(making)
    if state.done:
        stage.verify(making)
        return
    if state.progress == "stale":
        logger.info("%s: made anew, %s", stage.name, state.why)
    place, key = making.workspace.record(stage.name), making.key(stage.name)
    Record.keep(place, key, done=False)
    making.keep(stage.name, stage.make(making))
    if all(part.done for part in stage.parts(making)):
        Record.keep(place, key, done=True)
    else:
        made.unmade[stage.name] = "not whole"
