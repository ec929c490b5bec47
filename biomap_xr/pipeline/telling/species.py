"""From a finished run to its report, read from the workspace alone: no model is loaded."""

from dataclasses import dataclass, replace
from pathlib import Path
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
from biomap_xr.pipeline.records import HABITATS
from biomap_xr.pipeline.scores import Scores
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.telling.habitats import habitat_sections
from biomap_xr.pipeline.telling.unfinished import unfinished
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.report.content import Fact, ReportContent, Table
from biomap_xr.report.gallery import area_picture, evaluation_picture, map_pictures
from biomap_xr.report.report import percent, write_report
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


@dataclass(frozen=True)
class Told:
    """A report that was written."""

    page: Path
    unfinished: tuple[str, ...]
    """Maps of which tiles are missing, in words; the page says the same."""


def make_report(recipe: Recipe, workspace: Workspace) -> Told:
    """Write ``report/index.html`` and ``report/metrics.json`` of what a run has made so far.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run.

    Raises:
        InputError: The run has no trained model yet.
    """
    if recipe.observations is None:
        content = _without_species(recipe, workspace)
    else:
        content = _of_species(recipe, workspace)
    missing = unfinished(workspace)
    habitats = habitat_sections(recipe, workspace)
    content = replace(content, habitats=habitats, unfinished=missing)
    return Told(write_report(content, workspace.report).page, missing)


def _of_species(recipe: Recipe, workspace: Workspace) -> ReportContent:
    """Say what the species model has learned and mapped."""
    scores = Scores.read(workspace.models)
    card = read_card(workspace)
    rows = evaluation_rows(recipe, scores)
    note = BLOCKS.format(
        surveys=len(scores.row),
        blocks=len(np.unique(scores.block, axis=0)),
        side=recipe.folds.block_m / 1000,
    )
    content = ReportContent(
        title=recipe.title or recipe.name,
        summary=_summary(recipe, workspace, card, scores),
        evaluation=rows,
        evaluation_note=note if scores.surveyed else f"{note} {RECORDS}",
        evaluation_chart=evaluation_picture(rows),
        truth=truth_rows(recipe, workspace, scores, card),
        thresholds=(threshold_table(card.thresholds),) if card.thresholds else (),
        observations=_observations(workspace),
        predictors=_predictors(workspace),
        provenance=_provenance(recipe, workspace, card),
    )
    if workspace.indicators.exists():
        content = _with_maps(content, recipe, workspace, card)
    return content


def _without_species(recipe: Recipe, workspace: Workspace) -> ReportContent:
    """Say what there is beside habitats where no species were observed."""
    if not (workspace.models / HABITATS).is_dir():
        raise InputError(
            f"{workspace.models / HABITATS} is missing, expected trained habitat models; run the "
            "recipe first"
        )
    return ReportContent(
        title=recipe.title or recipe.name,
        predictors=_predictors(workspace),
        provenance=_provenance(recipe, workspace),
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


def _with_maps(
    content: ReportContent, recipe: Recipe, workspace: Workspace, card: ModelCard
) -> ReportContent:
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
        summary=(*content.summary, *_specialists(indicators, card)),
        provenance=(*content.provenance, _attributes(indicators)),
    )


def _specialists(indicators: xr.Dataset, card: ModelCard) -> tuple[Fact, ...]:
    if "specialist_species" not in indicators.attrs:
        return ()
    count, all_of_them = int(indicators.attrs["specialist_species"]), len(card.species_id)
    note = f"{percent(count / all_of_them)} of all: present somewhere, very improbable elsewhere"
    return (Fact("Specialist species", f"{count:,}", note),)


def _summary(
    recipe: Recipe, workspace: Workspace, card: ModelCard, scores: Scores
) -> tuple[Fact, ...]:
    sums = MapSums.of(workspace)
    trained = TRAINED_ON[recipe.species.trained_on] if scores.surveyed else "records alone"
    facts = [
        Fact("Species modelled", f"{len(card.species_id):,}"),
        Fact("Modalities", ", ".join(STAGES[name] for name in card.modalities)),
        Fact("Trained on", trained),
    ]
    if sums.tiles:
        facts += [
            Fact("Cells mapped", f"{sums.cells:,}", f"{sums.moved:,} moved to the nearest land"),
            Fact("Mean expected richness", f"{sums.richness / max(sums.cells, 1):.1f} species"),
            Fact("Richness lost to storage", f"{sums.lost:.2%}", "of the stored species cube"),
        ]
    return tuple(facts)


def _observations(workspace: Workspace) -> tuple[Table, ...]:
    path = workspace.models / "observations.json"
    if not path.is_file():
        return ()
    report = TypeAdapter(Report).validate_json(path.read_bytes())
    return observation_tables(report)


def _predictors(workspace: Workspace) -> tuple[Table, ...]:
    if not (workspace.covariates / "predictors" / "zarr.json").is_file():
        return ()
    attributes = open_cube(workspace.covariates, "predictors").attrs
    if "selection" not in attributes:
        return ()
    selection = TypeAdapter(Selection).validate_python(attributes["selection"])
    return (selection_table(selection),)


def _provenance(
    recipe: Recipe, workspace: Workspace, card: ModelCard | None = None
) -> tuple[Table, ...]:
    pairs = {"recipe": recipe.name, "licence": recipe.licence, "citation": recipe.citation}
    if card is not None:
        pairs |= {
            "model weights (SHA-256)": card.weights_sha256,
            "training data": card.data_fingerprint,
        }
    pairs["workspace"] = str(workspace.root)
    return (Table.of_pairs("Where this comes from", pairs),)


def _attributes(cube: xr.Dataset) -> Table:
    plain = str | int | float
    shown: Mapping[str, Any] = {
        str(name): value for name, value in cube.attrs.items() if isinstance(value, plain)
    }
    return Table.of_pairs("Attributes of indicators.zarr", shown)
