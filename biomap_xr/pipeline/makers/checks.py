"""What can be wrong with the inputs of habitats, one check for each thing by itself."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from odc.geo.geobox import GeoBox

from biomap_xr.covariates.provenance import files_of as source_files
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.habitats.esy.system import ExpertSystem
from biomap_xr.habitats.eunis import at_level, in_order
from biomap_xr.habitats.legend import read_legend
from biomap_xr.habitats.plantbert.hub import origin_of
from biomap_xr.habitats.rules.rulebook import read_associations, read_crosswalk
from biomap_xr.habitats.rules.settings import RegionSettings, RulesSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.plots import files_of, take_plots
from biomap_xr.pipeline.makers.predictors import feature_table
from biomap_xr.pipeline.makers.splits import check_splits
from biomap_xr.pipeline.problems import Check
from biomap_xr.programs.masks import known_codes, unknown_at_source
from biomap_xr.recipe import Recipe, paths_in
from biomap_xr.sources.paths import local_file


def ensemble_checks(recipe: Recipe) -> Iterator[Check]:
    """Look at the predictors and members of ensembles."""
    ensemble = recipe.habitats.by_environment
    if ensemble is not None:
        yield Check("habitats.by_environment", partial(feature_table, recipe, ensemble))
        yield Check("habitats.by_environment", partial(_read_members, ensemble))


def habitat_checks(recipe: Recipe) -> Iterator[Check]:
    """Look at what all habitat models share: the legend and the expert system."""
    habitats = recipe.habitats
    if habitats.rules.legend is not None:
        yield Check("habitats.rules.legend", partial(read_legend, habitats.rules.legend))
    if habitats.expert_system is not None:
        yield Check("habitats.expert_system", partial(ExpertSystem.read, habitats.expert_system))


def plot_checks(observer: Observer) -> Iterator[Check]:
    """Read all tables of plots whole; first their files must be there."""
    habitats = observer.recipe.habitats
    sets = {f"habitats.external.{name}": each for name, each in habitats.external.items()}
    if observer.recipe.plots is not None:
        sets = {"plots": observer.recipe.plots, **sets}
    for section, settings in sets.items():
        files = files_of(settings)
        yield from (Check(section, partial(local_file, path)) for path in files)
        if not all(path.is_file() for path in files):
            continue
        if section == "plots":
            yield Check(section, partial(_check_plots, observer))
        else:
            yield Check(section, partial(take_plots, settings, habitats))


def pretrained_checks(recipe: Recipe) -> Iterator[Check]:
    """Look whether a pretrained network that is named is here, or may be downloaded."""
    settings = recipe.habitats.by_species
    if settings is not None and settings.network.name_or_path:
        network = settings.network
        look = partial(origin_of, network.name_or_path, offline=network.offline)
        yield Check("habitats.by_species.network", look)


def code_checks(recipe: Recipe) -> Iterator[Check]:
    """Look for codes of the masks that no rule knows; they would stop the map after all training.

    Tables and masks that cannot be read are other checks' affair.
    """
    covariates, ensemble = recipe.covariates, recipe.habitats.by_environment
    rules = recipe.habitats.rules
    if covariates is None or ensemble is None:
        return
    files = (*paths_in(rules), *source_files(covariates, "masks"))
    if not all(path.is_file() for path in files):
        return
    cells = Grid.from_settings(recipe.grid).geobox
    yield Check("", partial(_check_codes, covariates, rules, ensemble.formations, cells))


def _check_codes(
    covariates: CovariateSettings, rules: RulesSettings, formations: Sequence[str], cells: GeoBox
) -> None:
    try:
        known = known_codes(rules, formations)
    except InputError:
        return
    problems = unknown_at_source(covariates, cells, known)
    if problems:
        raise InputError("\n".join(problems))


def _check_plots(observer: Observer) -> None:
    plots = observer.plots.plots
    ensemble = observer.recipe.habitats.by_environment
    if ensemble is not None:
        check_splits(ensemble.compared_splits, plots)
    _check_numbers(plots, observer.recipe)


def _check_numbers(plots: Plots, recipe: Recipe) -> None:
    """Refuse two habitats of one number among those that a model would learn."""
    labels = [set(codes) for codes in plots.labels]
    ensemble = recipe.habitats.by_environment
    if recipe.habitats.by_species is not None:
        in_order(code for each in labels if len(each) == 1 for code in each)
    if ensemble is not None:
        counts = Counter(code for each in labels for code in each)
        frequent = (code for code, count in counts.items() if count >= ensemble.smallest_class)
        in_order(code for code in frequent if at_level(code, 1) in ensemble.formations)


def _read_members(settings: EnsembleSettings) -> None:
    for formation in settings.formations:
        settings.members_of(formation)


def rule_checks(settings: RulesSettings) -> Iterator[Check]:
    """Look at the tables of regions, coasts and land cover."""
    regions = settings.regions
    yield Check("habitats.rules.regions", partial(read_associations, _only_coasts(regions, ()), {}))
    for formation in regions.coast_tables:
        own = _only_coasts(regions, (formation,)).model_copy(
            update={"ecoregion_table": None, "ecoregion_codes": None}
        )
        section = f"habitats.rules.regions.coast_tables.{formation}"
        yield Check(section, partial(read_associations, own, {}))
    if settings.crosswalk is not None:
        # Classes come with the models; what can be wrong with the tables does not depend on them.
        yield Check("habitats.rules.crosswalk", partial(read_crosswalk, settings.crosswalk, {}))


def _only_coasts(settings: RegionSettings, formations: tuple[str, ...]) -> RegionSettings:
    kept = {name: path for name, path in settings.coast_tables.items() if name in formations}
    return settings.model_copy(update={"coast_tables": kept})
