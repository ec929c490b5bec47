"""The main path: every stage in order."""

from dataclasses import dataclass, replace

from biomap_xr.covariates.check import check_sources
from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.grid import Grid
from biomap_xr.habitats.ensemble.artefact import FormationModel
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.pipeline.checking import check_habitats
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.fingerprints import habitat_training, species_training
from biomap_xr.pipeline.makers.by_environment import learn_by_environment
from biomap_xr.pipeline.makers.by_species import learn_by_species, predicted_by
from biomap_xr.pipeline.makers.covariates import gather, land_tiles
from biomap_xr.pipeline.makers.environment_maps import EnvironmentMaps, map_by_environment
from biomap_xr.pipeline.makers.maps import make_maps
from biomap_xr.pipeline.makers.plots import files_of
from biomap_xr.pipeline.makers.products import Published, publish_products
from biomap_xr.pipeline.makers.species import learn
from biomap_xr.pipeline.observing import Observer
from biomap_xr.pipeline.scores import RECORD
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace, identity
from biomap_xr.recipe import Recipe
from biomap_xr.run import Listener, Summary, WorkspaceLock, claim, silent
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.model import SpeciesModel
from biomap_xr.virtual import simulate


@dataclass(frozen=True)
class Run:
    """What a run has made."""

    workspace: Workspace
    recipe: Recipe
    model: SpeciesModel | None
    """None where the recipe observes no species."""
    maps: Summary | None
    """Of species and what follows from them; None where the recipe maps nothing of it."""
    habitats: HabitatModel | None = None
    """Pl@ntBERT; None where the recipe does not ask for it."""
    formations: tuple[FormationModel, ...] = ()
    """Ensembles of paper 2; none where the recipe does not ask for them."""
    environment: EnvironmentMaps | None = None
    """Of these ensembles."""
    products: Published | None = None
    """Files for others; None where the recipe does not ask for them."""

    @property
    def status(self) -> int:
        """Exit status: 0, or that of tiles set aside or left by any program."""
        passes = (each for each in (self.maps, self.environment) if each is not None)
        return max((each.status for each in passes), default=0)


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
        # Wrong tables should be known before the long work, not after it.
        check_habitats(observer)
        covariates = None
        if anchored.covariates is not None:
            covariates = _covariates(anchored.covariates, filling, observer)
        model = _species_model(recipe, observer, covariates)
        habitats = _habitat_model(recipe, observer, covariates, model, filling)
        maps = None
        if covariates is not None and model is not None:
            tiles = land_tiles(anchored, filling)
            maps = make_maps(anchored, model, covariates, tiles, filling, habitats)
        made = Run(workspace, recipe, model, maps, habitats)
        made = _by_environment(made, observer, covariates, filling)
        return replace(made, products=publish_products(anchored, filling))


def _species_model(
    recipe: Recipe, observer: Observer, covariates: Covariates | None
) -> SpeciesModel | None:
    """Train the species model where species were observed."""
    if recipe.observations is None:
        return None
    data = species_training(recipe, observer.recipe, covariates)
    return learn(observer.recipe, observer.workspace, observer, covariates, data)


def _habitat_model(
    recipe: Recipe,
    observer: Observer,
    covariates: Covariates | None,
    species: SpeciesModel | None,
    filling: Filling,
) -> HabitatModel | None:
    """Train Pl@ntBERT where it is asked for."""
    anchored = observer.recipe
    if anchored.habitats.by_species is None or anchored.plots is None:
        return None
    predicted = None
    if species is not None and covariates is not None:
        predicted = predicted_by(species, covariates, filling)
    external = anchored.habitats.external.values()
    files = [path for plots in (anchored.plots, *external) for path in files_of(plots)]
    name = fingerprint(species) if species is not None else ""
    data = habitat_training(recipe, anchored, name, files)
    return learn_by_species(anchored.habitats.by_species, observer, predicted, data)


def _by_environment(
    made: Run, observer: Observer, covariates: Covariates | None, filling: Filling
) -> Run:
    """Train paper 2's ensembles and map what they say, where they are asked for."""
    if observer.recipe.habitats.by_environment is None:
        return made
    formations = learn_by_environment(made.recipe, observer, filling)
    maps = None
    if covariates is not None:
        tiles = land_tiles(observer.recipe, filling)
        maps = map_by_environment(observer, formations, covariates, tiles, filling)
    return replace(made, formations=formations, environment=maps)


def _covariates(settings: CovariateSettings, filling: Filling, observer: Observer) -> Covariates:
    """Fill the covariates cube, once everything that it needs was looked at."""
    recipe = observer.recipe
    grid = Grid.from_settings(recipe.grid)
    # Wrong inputs should be known before the long work, not after it.
    check_sources(settings, grid)
    # A background drawn on land waits for the land mask.
    observed = recipe.observations
    drawn = observed is None or observed.background.random_cells > 0
    if not drawn and not (filling.workspace.models / RECORD).is_file():
        _ = observer.sites
    gather(recipe, settings, filling)
    return Covariates.open(filling.workspace.covariates, grid)
