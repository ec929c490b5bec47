"""All that can be wrong with the inputs of habitats, found before any work and told at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.habitats.esy.system import ExpertSystem
from biomap_xr.habitats.eunis import at_level, in_order
from biomap_xr.habitats.legend import read_legend
from biomap_xr.habitats.rules.rulebook import read_associations, read_crosswalk
from biomap_xr.habitats.rules.settings import RegionSettings, RulesSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.makers.plots import files_of, take_plots
from biomap_xr.pipeline.makers.predictors import feature_table
from biomap_xr.pipeline.makers.splits import check_splits
from biomap_xr.pipeline.observing import Observer
from biomap_xr.recipe import Recipe
from biomap_xr.sources.paths import local_file

SHOWN = 12
"""Problems that the message spells out."""

Check = tuple[str, Callable[[], object]]
"""The recipe's section, and what raises where something is wrong with it."""


def check_habitats(observer: Observer) -> None:
    """Make sure that all tables of habitats can be read, before any long work.

    Plots are read whole, unless the models were begun already; then their files must be there.

    Args:
        observer: Has the recipe with absolute paths; it keeps the plots that are read here.

    Raises:
        InputError: It names each problem and the section of the recipe: a missing file or column, a
            table that does not fit, a split that the plots have no values for, or two habitats with
            one number on a map.
        RecipeError: Ensembles are asked for without predictors on the map.
    """
    recipe = observer.recipe
    if not recipe.habitats.wanted:
        return
    # A person mends all of a recipe at once, not one problem a run.
    problems = [problem for check in _checks(observer) for problem in _problems_of(check)]
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        lines = "\n".join(problems[:SHOWN])
        raise InputError(f"{len(problems)} problems with the inputs of habitats:\n{lines}{more}")


def _problems_of(check: Check) -> list[str]:
    section, looked_at = check
    try:
        looked_at()
    # Anything else is a mistake of ours and must not pass for one of the inputs.
    except InputError as error:
        return [f"{section}: {error}"]
    return []


def _checks(observer: Observer) -> Iterator[Check]:
    """Yield one check for each thing that can be wrong by itself."""
    recipe = observer.recipe
    habitats, ensemble = recipe.habitats, recipe.habitats.by_environment
    if ensemble is not None:
        yield "habitats.by_environment", partial(feature_table, recipe, ensemble)
        yield "habitats.by_environment", partial(_read_members, ensemble)
    if habitats.rules.legend is not None:
        yield "habitats.rules.legend", partial(read_legend, habitats.rules.legend)
    # Without covariates there is no map that regions and land cover could decide on.
    if ensemble is not None and recipe.covariates is not None:
        yield from _rules(habitats.rules)
    if habitats.expert_system is not None:
        yield "habitats.expert_system", partial(ExpertSystem.read, habitats.expert_system)
    yield from _plots(observer)


def _plots(observer: Observer) -> Iterator[Check]:
    recipe = observer.recipe
    habitats = recipe.habitats
    begun = (observer.workspace.models / "plots.json").is_file()
    if not begun:
        yield "plots", partial(_check_plots, observer)
    for name, settings in habitats.external.items():
        section = f"habitats.external.{name}"
        missing = [check for path in files_of(settings) for check in _missing(section, path)]
        yield from missing
        if not missing and not begun:
            yield section, partial(take_plots, settings, habitats)


def _missing(section: str, path: object) -> list[Check]:
    check: Check = section, partial(local_file, str(path))
    return [check] if _problems_of(check) else []


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


def _rules(settings: RulesSettings) -> Iterator[Check]:
    regions = settings.regions
    yield "habitats.rules.regions", partial(read_associations, _only_coasts(regions, ()), {})
    for formation in regions.coast_tables:
        own = _only_coasts(regions, (formation,)).model_copy(
            update={"ecoregion_table": None, "ecoregion_codes": None}
        )
        section = f"habitats.rules.regions.coast_tables.{formation}"
        yield section, partial(read_associations, own, {})
    if settings.crosswalk is not None:
        # Classes come with the models; what can be wrong with the tables does not depend on them.
        yield "habitats.rules.crosswalk", partial(read_crosswalk, settings.crosswalk, {})


def _only_coasts(settings: RegionSettings, formations: tuple[str, ...]) -> RegionSettings:
    kept = {name: path for name, path in settings.coast_tables.items() if name in formations}
    return settings.model_copy(update={"coast_tables": kept})
