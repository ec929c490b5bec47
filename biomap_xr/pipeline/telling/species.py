"""What a report says of species and their maps, read from the workspace alone."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pydantic import TypeAdapter

from biomap_xr.covariates.selection import Selection
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.evaluation.map_statistics import summarise
from biomap_xr.evaluation.tables import Row, evaluate
from biomap_xr.evaluation.truth import (
    MapErrors,
    TruthComparison,
    compare,
    map_errors,
    survey_probability,
)
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations.report import Report
from biomap_xr.pipeline.makers.species import STAGES, TRAINED_ON
from biomap_xr.pipeline.scores import Scores
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.report.content import Fact, ReportContent, Table
from biomap_xr.report.gallery import area_picture, evaluation_picture, map_pictures
from biomap_xr.report.report import percent
from biomap_xr.report.sections import observation_tables, selection_table, threshold_table
from biomap_xr.species.card import ModelCard
from biomap_xr.virtual import open_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCKS = "Held-out surveys of {surveys:,} cells in {blocks} spatial blocks of {side:g} km."
RECORDS = (
    "There is no survey, so these are records of the held-out blocks against the absences that "
    "their target group stands for."
)


def with_predictors(content: ReportContent, workspace: Workspace) -> ReportContent:
    """Say which predictors were kept, where the least correlated ones were chosen."""
    if not (workspace.covariates / "predictors" / "zarr.json").is_file():
        return content
    attributes = open_cube(workspace.covariates, "predictors").attrs
    if "selection" not in attributes:
        return content
    selection = TypeAdapter(Selection).validate_python(attributes["selection"])
    return replace(content, predictors=(selection_table(selection),))


def with_scores(content: ReportContent, recipe: Recipe, workspace: Workspace) -> ReportContent:
    """Say what the species model has learned."""
    scores, card = Scores.read(workspace.models), read_card(workspace)
    rows = evaluation_rows(recipe, scores)
    note = BLOCKS.format(
        surveys=len(scores.row),
        blocks=len(np.unique(scores.block, axis=0)),
        side=recipe.folds.block_m / 1000,
    )
    trained = TRAINED_ON[recipe.species.trained_on] if scores.surveyed else "records alone"
    model = {
        "model weights (SHA-256)": card.weights_sha256,
        "training data": card.data_fingerprint,
    }
    return replace(
        content,
        summary=(
            *content.summary,
            Fact("Species modelled", f"{len(card.species_id):,}"),
            Fact("Modalities", ", ".join(STAGES[name] for name in card.modalities)),
            Fact("Trained on", trained),
        ),
        evaluation=rows,
        evaluation_note=note if scores.surveyed else f"{note} {RECORDS}",
        evaluation_chart=evaluation_picture(rows),
        truth=truth_rows(recipe, workspace, scores, card),
        thresholds=(threshold_table(card.thresholds),) if card.thresholds else (),
        observations=_observations(workspace),
        provenance=(*content.provenance, Table.of_pairs("The species model", model)),
    )


def read_card(workspace: Workspace) -> ModelCard:
    """Return the model's card without loading its weights.

    Raises:
        InputError: There is no model.
    """
    path = workspace.models / "species" / "card.json"
    if not path.is_file():
        raise InputError(f"{path} is missing, expected a trained model; run the recipe first")
    return ModelCard.model_validate_json(path.read_bytes())


def evaluation_rows(recipe: Recipe, scores: Scores) -> tuple[Row, ...]:
    """Score every model of a run on its held-out surveys, as paper 1's table 1 does."""
    return tuple(
        evaluate(
            name,
            scores.targets,
            probability,
            scores.threshold[name],
            scores.block,
            settings=recipe.evaluation,
        )
        for name, probability in scores.probability.items()
    )


def truth_rows(
    recipe: Recipe, workspace: Workspace, scores: Scores, card: ModelCard
) -> tuple[TruthComparison, ...]:
    """Compare every model with the truth of a simulated Europe; nothing where there is none."""
    if recipe.simulate is None:
        return ()
    truth = open_truth(workspace.virtual)
    cells = Cells(scores.row, scores.column)
    true = survey_probability(truth, cells, card.species_id)
    trained = TRAINED_ON[recipe.species.trained_on]
    names = {"All": f"All, trained on {trained}"}
    found = (
        (name, compare(names.get(name, name), scores.targets, probability, true))
        for name, probability in scores.probability.items()
    )
    over_map = _map_errors(recipe, workspace)
    return tuple(replace(row, map=over_map if name == "All" else None) for name, row in found)


def _map_errors(recipe: Recipe, workspace: Workspace) -> MapErrors | None:
    """Compare the map's expected richness with the truth, on the cells that are land."""
    if not workspace.indicators.exists():
        return None
    grid = Grid.from_settings(recipe.grid)
    expected = open_cube(workspace.indicators)["expected"].sel(indicator="richness")
    land = open_cube(workspace.covariates, "masks")["land"].to_numpy() == 1
    return map_errors(expected.where(land), open_truth(workspace.virtual), grid.tiles())


def with_maps(content: ReportContent, recipe: Recipe, workspace: Workspace) -> ReportContent:
    """Show the maps of species and indicators, and what their tiles add up to."""
    card = read_card(workspace)
    sums = MapSums.of(workspace)
    occupied = np.broadcast_to(np.asarray(sums.occupied, np.float64), len(card.species_id))
    cells = occupied.astype(np.int64)
    species = open_cube(workspace.species) if workspace.species.exists() else None
    indicators = open_cube(workspace.indicators)
    # Maps of former versions do not name it; it was each species' own.
    presence = indicators.attrs.get("presence", "f_score")
    statistics = summarise(
        cells,
        card.species,
        valid=sums.cells,
        resolution=recipe.grid.resolution,
        presence=presence,
        threshold=indicators.attrs["threshold_f_global"] if presence == "f_score_global" else None,
    )
    return replace(
        content,
        lead=(
            f"{statistics.mapped:,} of {statistics.modelled:,} species on "
            f"{statistics.area_km2:,.0f} km² of land in cells of {recipe.grid.resolution:g} m: "
            f"{sums.cells:,} cells in {sums.tiles} tiles."
        ),
        maps=map_pictures(species, indicators, statistics, recipe.evaluation),
        statistics=statistics,
        area_chart=area_picture(cells, resolution=recipe.grid.resolution),
        summary=(*content.summary, *_mapped(sums), *_specialists(indicators, card)),
        provenance=(*content.provenance, _attributes(indicators)),
    )


def _specialists(indicators: xr.Dataset, card: ModelCard) -> tuple[Fact, ...]:
    if "specialist_species" not in indicators.attrs:
        return ()
    count, all_of_them = int(indicators.attrs["specialist_species"]), len(card.species_id)
    note = f"{percent(count / all_of_them)} of all: present somewhere, very improbable elsewhere"
    return (Fact("Specialist species", f"{count:,}", note),)


def _mapped(sums: MapSums) -> tuple[Fact, ...]:
    if not sums.tiles:
        return ()
    return (
        Fact("Cells mapped", f"{sums.cells:,}", f"{sums.moved:,} moved to the nearest land"),
        Fact("Mean expected richness", f"{sums.richness / max(sums.cells, 1):.1f} species"),
        Fact("Richness lost to storage", f"{sums.lost:.2%}", "of the stored species cube"),
    )


def _observations(workspace: Workspace) -> tuple[Table, ...]:
    path = workspace.models / "observations.json"
    if not path.is_file():
        return ()
    report = TypeAdapter(Report).validate_json(path.read_bytes())
    return observation_tables(report)


def _attributes(cube: xr.Dataset) -> Table:
    plain = str | int | float
    shown: Mapping[str, Any] = {
        str(name): value for name, value in cube.attrs.items() if isinstance(value, plain)
    }
    return Table.of_pairs("Attributes of indicators.zarr", shown)
