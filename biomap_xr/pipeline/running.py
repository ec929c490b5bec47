"""The main path: every stage in order."""

from dataclasses import dataclass

from biomap_xr.covariates.check import check_sources
from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.grid import Grid
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.fingerprints import species_training
from biomap_xr.pipeline.gathering import gather, land_tiles
from biomap_xr.pipeline.learning import learn
from biomap_xr.pipeline.mapping import make_maps
from biomap_xr.pipeline.observing import Observer, identity
from biomap_xr.pipeline.scores import RECORD
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Listener, Summary, WorkspaceLock, claim, silent
from biomap_xr.species.model import SpeciesModel
from biomap_xr.virtual import simulate


@dataclass(frozen=True)
class Run:
    """What a run has made."""

    workspace: Workspace
    recipe: Recipe
    model: SpeciesModel
    maps: Summary | None
    """None where the recipe maps nothing."""


def run(recipe: Recipe, workspace: Workspace, workers: Workers, listener: Listener = silent) -> Run:
    """Run a recipe, or go on where it stopped.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run; made where it is missing.
        workers: Who fills tiles.
        listener: Told of every tile.

    Raises:
        RecipeError: The recipe asks for something impossible.
        InputError: Inputs or the workspace do not fit; nothing that was there is lost.
        SetAsideError: Tiles of the covariates were set aside.
    """
    workspace.make()
    claim(workspace.root, identity(recipe))
    with WorkspaceLock(workspace.root):
        # Again, now alone: two recipes may have claimed one new folder at the same moment. Before
        # the lock the claim keeps even the lock's file out of foreign folders.
        claim(workspace.root, identity(recipe))
        if recipe.simulate is not None:
            simulate(recipe.simulate, workspace.virtual)
        anchored = recipe.anchored(workspace.root)
        filling = Filling(workspace, workers, recipe.run, listener)
        observer = Observer(anchored, workspace)
        covariates = None
        if anchored.covariates is not None:
            covariates = _covariates(anchored.covariates, filling, observer)
        data = species_training(recipe, anchored, covariates)
        model = learn(anchored, workspace, observer, covariates, data)
        if covariates is None:
            return Run(workspace, recipe, model, None)
        maps = make_maps(anchored, model, covariates, land_tiles(anchored, filling), filling)
        return Run(workspace, recipe, model, maps)


def _covariates(settings: CovariateSettings, filling: Filling, observer: Observer) -> Covariates:
    """Fill the covariates cube, once everything that it needs was looked at."""
    recipe = observer.recipe
    grid = Grid.from_settings(recipe.grid)
    # Wrong inputs should be known before the long work, not after it.
    check_sources(settings, grid)
    # A background drawn on land waits for the land mask.
    drawn = observer.settings.background.random_cells > 0
    if not drawn and not (filling.workspace.models / RECORD).is_file():
        _ = observer.sites
    gather(recipe, settings, filling)
    return Covariates.open(filling.workspace.covariates, grid)
