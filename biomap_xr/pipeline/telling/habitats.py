"""The sections of a report about habitats, read from the workspace alone: no model is loaded.

Whatever a run has not made is None.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from biomap_xr.evaluation.habitats.agreement import agreement_of, counted
from biomap_xr.evaluation.habitats.on_map import MappedPlots, evaluate_map
from biomap_xr.evaluation.map_statistics import (
    PAPER_HABITAT_STATISTICS,
    MapStatistics,
    summarise,
)
from biomap_xr.habitats.cube import BY_SPECIES, WALL_TO_WALL
from biomap_xr.habitats.eunis import FORMATIONS, LEVELS, NO_HABITAT, number_of
from biomap_xr.habitats.legend import SURFACES
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.pipeline.habitat_sums import SpeciesSums, wall_to_wall_cells
from biomap_xr.pipeline.makers.map_scores import reference_programs, reference_scores
from biomap_xr.pipeline.telling.results import HabitatResults, environment
from biomap_xr.report.content import Cell, Picture, ReportContent, Section, Table
from biomap_xr.report.habitats.gallery import (
    confusion_pictures,
    formation_confusions,
    rule_words,
    rules_of,
    species_pictures,
    truth_picture,
    uncertainty_picture,
    wall_to_wall_pictures,
)
from biomap_xr.report.habitats.gaps import gap_board
from biomap_xr.report.habitats.sections import (
    ENSEMBLE,
    PLANTBERT,
    Parts,
    environment_section,
    plots_section,
    species_section,
    wall_to_wall_section,
)
from biomap_xr.report.habitats.splits import split_board
from biomap_xr.report.habitats.tables import (
    agreement_table,
    area_table,
    cover_table,
    entitled,
    formation_agreement_table,
    map_score_table,
    reference_class_table,
    reference_table,
    rule_table,
    widest_table,
)

WIDEST = 15
"""Most widespread habitats that are named."""
FIRST_HABITAT = number_of("MA2")
"""Smaller numbers are surfaces without vegetation."""


def by_species(run: HabitatResults) -> Section | None:
    """Return what there is of habitats from species: scores, and their map."""
    if not (run.by_species or run.has(BY_SPECIES)):
        return None
    settings = run.recipe.evaluation
    gaps = (gap_board(each, settings) for each in run.by_species)
    boards = tuple(board for board in gaps if board is not None)
    parts = Parts(tuple(_species_tables(run)), tuple(_species_pictures(run)), boards)
    return species_section(run.by_species, parts, run.names, settings)


def by_environment(run: HabitatResults) -> Section | None:
    """Return what there is of the ensembles: scores, and their maps."""
    if not (run.formations or run.mapped):
        return None
    settings = run.recipe.evaluation
    pictures = tuple(_formation_pictures(run, wall_to_wall_cells(run.workspace)))
    splits = tuple(split_board(each, settings) for each in run.formations if each.splits)
    parts = Parts(tuple(_formation_tables(run)), pictures, splits)
    return environment_section(run.formations, parts, run.names, settings)


def wall_to_wall(run: HabitatResults) -> Section | None:
    """Return what there is of the map over all formations."""
    if not run.has(WALL_TO_WALL):
        return None
    dominant = wall_to_wall_cells(run.workspace)
    return wall_to_wall_section(
        Parts(tuple(_wall_tables(run, dominant)), tuple(_wall_pictures(run)))
    )


def map_scores(run: HabitatResults) -> Section | None:
    """Return how far the map over all formations agrees with plots and maps of others."""
    if run.on_map is None:
        return None
    rows, overlap = [], {}
    for name, found in run.on_map["plots"].items():
        labels = tuple(tuple(codes) for codes in found["labels"])
        mapped = MappedPlots(np.array(found["ranks"], np.uint16), labels)
        settings = run.recipe.evaluation
        rows.append(evaluate_map(name, mapped, np.array(found["block"]), settings=settings))
        overlap[name] = found["overlap"]
    tables = [map_score_table(rows, overlap)] if rows else []
    references = reference_scores(reference_programs(run.recipe, run.workspace), run.workspace)
    if references:
        tables.append(reference_table(references))
        finest = max(LEVELS)
        tables += [
            reference_class_table(name, found[finest], run.names)
            for name, found in references.items()
        ]
    if not tables:
        return None
    return Section(
        "map-scores",
        "The map beside plots and maps of others",
        "Scores of models say how well plots are named by their own predictors; these say how far "
        "the finished map agrees with what others found.",
        tables=tuple(tables),
    )


def with_section(
    content: ReportContent, run: HabitatResults, section: Section | None
) -> ReportContent:
    """Add a section, if there is one; what became of the tables of plots stays the last one."""
    plots = plots_section(run.curation) if run.curation is not None else None
    added = [each for each in (section, plots) if each is not None]
    names = {each.name for each in added}
    others = (each for each in content.habitats if each.name not in names)
    return replace(content, habitats=(*others, *added))


def _species_tables(run: HabitatResults) -> Iterator[Table]:
    sums = SpeciesSums.of(run.workspace)
    if run.card is not None and sums.cells:
        cells = sums.by_code(run.card.habitats)
        statistics = _statistics(run, cells)
        yield area_table(statistics)
        yield widest_table(statistics, run.names, PAPER_HABITAT_STATISTICS.widest)
    if run.truth is not None and run.has(BY_SPECIES):
        found = agreement_of(run.open(BY_SPECIES)["habitat"], run.truth)
        yield agreement_table({"habitats from species": found})
    if run.card is not None:
        attributes = run.open(BY_SPECIES).attrs if run.has(BY_SPECIES) else {}
        yield _model_table(run.card, sums, attributes)


def _statistics(run: HabitatResults, cells: Mapping[str, int]) -> MapStatistics:
    """Sum up the cells in which each code is the likeliest."""
    codes = sorted(cells)
    return summarise(
        np.array([cells[code] for code in codes], np.int64),
        codes,
        valid=sum(cells.values()),
        resolution=run.recipe.grid.resolution,
        widest=WIDEST,
    )


def _model_table(card: HabitatCard, sums: SpeciesSums, attributes: Mapping[Any, Any]) -> Table:
    pairs: dict[str, Cell] = {
        "habitats": len(card.habitats),
        "species in its vocabulary": len(card.species),
        "species of a sentence, at most": card.k,
    }
    if "species_not_in_vocabulary" in attributes:
        pairs |= {
            "mapped species that it knows": attributes["species_ranked"],
            "mapped species that it does not know": attributes["species_not_in_vocabulary"],
        }
    if sums.sentences:
        pairs |= {
            "cells read": sums.sentences,
            "different lists of species among them, by tile": sums.distinct,
            "share that had to be classified (%)": round(100 * sums.distinct / sums.sentences, 3),
        }
    pairs |= {
        "model weights (SHA-256)": card.weights_sha256,
        "training data": card.data_fingerprint,
    }
    return Table.of_pairs("Pl@ntBERT of this run", pairs)


def _species_pictures(run: HabitatResults) -> Iterator[Picture]:
    if run.has(BY_SPECIES):
        yield from species_pictures(run.open(BY_SPECIES), run.drawing)
        if run.truth is not None:
            yield truth_picture(run.truth, run.drawing)
    for validation in run.by_species[:1]:
        model = validation.main(PLANTBERT)
        yield from confusion_pictures(model.name, model.judged)


def _formation_tables(run: HabitatResults) -> Iterator[Table]:
    if run.truth is not None and run.mapped:
        maps = ((code, run.open(environment(code))["habitat"]) for code in run.mapped)
        found = {code: agreement_of(habitat, run.truth, code) for code, habitat in maps}
        yield formation_agreement_table(found)
    cards = ((code, run.ensemble_card(code)) for code in run.wanted)
    rows = tuple(_voters(code, card) for code, card in cards if card is not None)
    if rows:
        columns = ("formation", "habitats", "predictors", "learners and their weights", "folds")
        yield Table("Who votes", columns, rows)


def _voters(formation: str, card: Mapping[str, Any]) -> tuple[Cell, ...]:
    weights = ", ".join(f"{name} {weight:.2g}" for name, weight in card["weights"].items())
    folds = {voter["fold"] for voter in card["voters"]}
    features = card["features"]["features"]
    return entitled(formation), len(card["classes"]), len(features), weights, len(folds)


def _formation_pictures(run: HabitatResults, dominant: Counter[int]) -> Iterator[Picture]:
    """Draw the formations' confusions, and the uncertainty of the one that takes most land."""
    if run.formations:
        judged = {each.code: each.validations[0].main(ENSEMBLE).judged for each in run.formations}
        yield formation_confusions(judged)
    if run.mapped:
        code = max(run.mapped, key=lambda code: _cells_of(code, dominant))
        yield uncertainty_picture(run.open(environment(code)), code, run.drawing)


def _wall_tables(run: HabitatResults, dominant: Counter[int]) -> Iterator[Table]:
    cube, resolution = run.open(WALL_TO_WALL), run.recipe.grid.resolution
    if dominant:
        yield cover_table(_covers(run, dominant), run.names, resolution=resolution)
        statistics = _statistics(run, _habitats(run, dominant))
        yield widest_table(statistics, run.names)
    rules, decided = rules_of(cube["rule"]), counted(cube["rule"])
    yield rule_table({rule_words(name): decided[number] for number, name in rules.items()})
    if run.truth is not None:
        found = agreement_of(cube["habitat"], run.truth)
        yield agreement_table({"dominant habitat from wall to wall": found})


def _covers(run: HabitatResults, dominant: Counter[int]) -> dict[str, int]:
    """Return the cells of each formation and each surface of land, from wall to wall."""
    names = run.drawing.names
    surfaces = {
        names.get(number, str(number)): count
        for number, count in dominant.items()
        if number < FIRST_HABITAT and number != SURFACES["SEA"]
    }
    return {code: _cells_of(code, dominant) for code in FORMATIONS} | surfaces


def _cells_of(formation: str, dominant: Counter[int]) -> int:
    """Return the cells whose dominant habitat is of a formation."""
    first = number_of(formation)
    return sum(count for number, count in dominant.items() if number // 1000 * 1000 == first)


def _habitats(run: HabitatResults, dominant: Counter[int]) -> dict[str, int]:
    """Return the cells of each habitat of the map: the models', then what land cover adds."""
    cells = dict.fromkeys(run.codes(WALL_TO_WALL), 0)
    for number, count in dominant.items():
        line = run.legend.by_number.get(number)
        if FIRST_HABITAT <= number < NO_HABITAT:
            cells[line.code if line else str(number)] = count
    return cells


def _wall_pictures(run: HabitatResults) -> Iterator[Picture]:
    yield from wall_to_wall_pictures(run.open(WALL_TO_WALL), run.drawing)
    # Once is enough: habitats from species have it, too.
    if run.truth is not None and not run.has(BY_SPECIES):
        yield truth_picture(run.truth, run.drawing)
