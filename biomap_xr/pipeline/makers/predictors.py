"""What a recipe says of predictors: table with units, sources, values at plots."""

from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.covariates.provenance import content_of
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.errors import RecipeError
from biomap_xr.grid import Grid
from biomap_xr.habitats.ensemble.feature_reading import features_of
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.plots import LabelledPlaces, PlotPredictors
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.records import HABITATS
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs.plot_predictors import PlotPredictorsProgram, predictors_of
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of

if TYPE_CHECKING:
    from pydantic import JsonValue


def plot_predictors(
    plots: Plots, recipe: Recipe, table: FeatureTable, filling: Filling
) -> PlotPredictors:
    """Take the predictors of plots.

    Args:
        plots: Curated; those without a habitat, coordinates or any predictor are left out.
        recipe: With absolute paths.
        table: The predictors that are wanted, in their order.
        filling: Whose workers look at slices of the plots.

    Raises:
        InputError: A source cannot be read, a value cannot be true, or no plot is left.
        RecipeError: The recipe has no predictors.
    """
    (root, settings), grid = sources_of(recipe), Grid.from_settings(recipe.grid)
    columns = table.positions(settings.names, units_of(settings))
    places = LabelledPlaces.of(plots, grid)
    covariates = recipe.covariates or CovariateSettings()
    content = content_of(covariates, "predictors", filling.workspace.contents)
    parts: dict[str, JsonValue] = {"content": content, "grid": recipe.grid.model_dump(mode="json")}
    program = PlotPredictorsProgram(
        filling.workspace.root, root, settings, grid, fingerprint_of(parts)
    )
    folder = slices_in(filling.workspace)
    values = predictors_of(program, places.points, folder, filling.complete)
    return PlotPredictors.of(places, values[:, columns], grid, table)


def slices_in(workspace: Workspace) -> Path:
    """Return where slices of plots are kept until the ensembles are trained and scored."""
    return workspace.models / HABITATS / "predictors"


def feature_table(recipe: Recipe, settings: EnsembleSettings) -> FeatureTable:
    """Return the predictors of the ensembles with the units that the recipe's sources state.

    Args:
        recipe: With absolute paths.
        settings: Of the ensembles.

    Raises:
        InputError: A predictor is not among the sources, or in another unit.
        RecipeError: The recipe has no predictors.
    """
    _, sources = sources_of(recipe)
    units = units_of(sources)
    table = features_of(settings)
    table.positions(sources.names, units)
    return table.with_units(units)


def units_of(settings: PredictorsSettings) -> dict[str, str]:
    """Return the unit of each variable by its name."""
    return {name: each.unit for each in settings.variables for name in each.variables}


def sources_of(recipe: Recipe) -> tuple[Path, PredictorsSettings]:
    """Return the recipe's predictors and the folder of their files.

    Raises:
        RecipeError: It has none.
    """
    if recipe.covariates is None or recipe.covariates.predictors is None:
        raise RecipeError(
            f"recipe {recipe.name!r} asks for habitats by environment and has no section "
            "covariates.predictors; expected the layers that they are predicted from: add it"
        )
    return recipe.covariates.root, recipe.covariates.predictors
