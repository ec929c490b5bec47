"""The sections of a report about habitats, read from the workspace alone: no model is loaded.

Whatever a run has not made is left out.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import TypeAdapter

from biomap_xr.cubes import open_cube
from biomap_xr.evaluation.content import Picture, Section, Table
from biomap_xr.evaluation.habitat_agreement import Agreement, agreement_of, counted
from biomap_xr.evaluation.habitat_areas import PAPER_AREAS, habitat_statistics
from biomap_xr.evaluation.habitat_gallery import (
    Drawing,
    confusion_pictures,
    formation_confusions,
    rule_words,
    rules_of,
    species_pictures,
    truth_picture,
    uncertainty_picture,
    wall_to_wall_pictures,
)
from biomap_xr.evaluation.habitat_sections import (
    ENSEMBLE,
    HELD_OUT,
    PLANTBERT,
    Formation,
    Parts,
    Scored,
    Validation,
    environment_section,
    plots_section,
    species_section,
    wall_to_wall_section,
)
from biomap_xr.evaluation.habitat_tables import (
    agreement_table,
    area_table,
    cover_table,
    entitled,
    formation_agreement_table,
    rule_table,
    widest_table,
)
from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES, WALL_TO_WALL
from biomap_xr.habitats.eunis import FORMATIONS, number_of
from biomap_xr.habitats.legend import Legend, legend_of, read_legend
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.observations.plot_report import CurationReport
from biomap_xr.pipeline.habitat_scores import HabitatScores
from biomap_xr.pipeline.habitat_summing import SpeciesSums, wall_to_wall_cells
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.virtual import open_truth
from biomap_xr.virtual.formations import NUMBERS

HABITATS = "habitats"
PLOTS = "plots"
EXTERNAL = "external-"
CHUNK = 2500
"""Cells along a side of what is read at a time: strides of a picture need no more of a large map in
memory."""


def habitat_sections(recipe: Recipe, workspace: Workspace) -> tuple[Section, ...]:
    """Return what a run has to say of habitats; nothing where its recipe asks for none.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run.

    Raises:
        InputError: The legend or the scores of the run cannot be read.
    """
    if not recipe.habitats.wanted:
        return ()
    run = HabitatRun(recipe.anchored(workspace.root), workspace)
    return tuple(run.sections())


@dataclass(frozen=True)
class HabitatRun:
    """What a run has left of habitats."""

    recipe: Recipe
    """With absolute paths."""
    workspace: Workspace

    def sections(self) -> Iterator[Section]:
        """Return a section for each part of the work that is there."""
        settings, names = self.recipe.evaluation, self._names
        by_species, formations = self._validations(BY_SPECIES), self._formations
        if by_species or self._has(BY_SPECIES):
            parts = Parts(tuple(self._species_tables()), tuple(self._species_pictures()))
            yield species_section(by_species, parts, names, settings)
        if formations or self._mapped:
            parts = Parts(tuple(self._formation_tables()), tuple(self._formation_pictures()))
            yield environment_section(formations, parts, names, settings)
        if self._has(WALL_TO_WALL):
            parts = Parts(tuple(self._wall_tables()), tuple(self._wall_pictures()))
            yield wall_to_wall_section(parts)
        path = self.workspace.models / "plots.json"
        if path.is_file():
            report = TypeAdapter(CurationReport).validate_json(path.read_bytes())
            yield plots_section(report)

    def _validations(self, model: str) -> tuple[Validation, ...]:
        """Return the scores of a model: held-out plots first, then external data sets by name."""
        folder = self._folder(model) / "scores"
        external = sorted(path.stem for path in folder.glob(f"{EXTERNAL}*.json"))
        found = [PLOTS] if (folder / f"{PLOTS}.json").is_file() else []
        sets = ((name, HabitatScores.read(folder, name)) for name in (*found, *external))
        said = (_validation(name, scores) for name, scores in sets)
        return tuple(each for each in said if each.models)

    def _folder(self, model: str) -> Path:
        return self.workspace.models / HABITATS / model

    def _card(self, model: str) -> Path | None:
        folder = self._folder(model)
        places = (folder / name / "card.json" for name in ("model", "ensemble", ""))
        return next((path for path in places if path.is_file()), None)

    @cached_property
    def _formations(self) -> tuple[Formation, ...]:
        found = ((code, self._validations(f"{BY_ENVIRONMENT}/{code}")) for code in FORMATIONS)
        return tuple(Formation(code, validations) for code, validations in found if validations)

    @cached_property
    def _mapped(self) -> tuple[str, ...]:
        """Formations that have a map."""
        return tuple(code for code in FORMATIONS if self._has(f"{BY_ENVIRONMENT}/{code}"))

    def _has(self, group: str) -> bool:
        return (self.workspace.habitats / group / "zarr.json").is_file()

    def _open(self, group: str) -> xr.Dataset:
        # Lazily, so that what a picture does not show is never read.
        return open_cube(self.workspace.habitats, group, chunks={"y": CHUNK, "x": CHUNK})

    def _attributes(self, group: str) -> Mapping[str, Any]:
        attributes = self._open(group).attrs if self._has(group) else {}
        return {str(name): value for name, value in attributes.items()}

    @cached_property
    def _drawing(self) -> Drawing:
        return Drawing(self._legend, self.recipe.evaluation.longest_side)

    @property
    def _names(self) -> Mapping[str, str]:
        return {entry.code: entry.label for entry in self._legend.entries}

    @cached_property
    def _legend(self) -> Legend:
        """The recipe's legend, and lines by rule for codes that it lacks."""
        rules = self.recipe.habitats.rules
        codes = {code for group in self._groups() for code in _codes(self._open(group))}
        codes |= set(rules.crosswalk.direct if rules.crosswalk else ())
        codes |= {code for each in self._scored() for code in each.judged.classes}
        lines = dict(legend_of(codes, self._simulated_names).by_number)
        if rules.legend is not None:
            lines |= read_legend(rules.legend).by_number
        return Legend(tuple(lines[number] for number in sorted(lines)))

    @property
    def _simulated_names(self) -> Mapping[str, str]:
        simulated = self.recipe.simulate is not None
        return {one.code: one.name for one in NUMBERS.values()} if simulated else {}

    def _groups(self) -> Iterator[str]:
        yield from (name for name in (BY_SPECIES, WALL_TO_WALL) if self._has(name))
        yield from (f"{BY_ENVIRONMENT}/{code}" for code in self._mapped)

    def _scored(self) -> Iterator[Scored]:
        groups = [self._validations(BY_SPECIES), *(each.validations for each in self._formations)]
        yield from (model for group in groups for each in group for model in each.models)

    @cached_property
    def _truth(self) -> xr.DataArray | None:
        if self.recipe.simulate is None:
            return None
        truth = open_truth(self.workspace.virtual).open().get("habitat")
        return None if truth is None else truth.chunk({"y": CHUNK, "x": CHUNK})

    def _species_tables(self) -> Iterator[Table]:
        path = self._card(BY_SPECIES)
        card = HabitatCard.model_validate_json(path.read_bytes()) if path else None
        sums = SpeciesSums.of(self.workspace)
        if card is not None and sums.cells:
            cells = sums.by_code(card.habitats)
            resolution = self.recipe.grid.resolution
            statistics = habitat_statistics(cells, resolution=resolution)
            yield area_table(statistics)
            yield widest_table(statistics, self._names, PAPER_AREAS.widest)
        if self._truth is not None and self._has(BY_SPECIES):
            found = agreement_of(self._open(BY_SPECIES)["habitat"], self._truth)
            yield agreement_table({"habitats from species": found})
        if card is not None:
            yield _model_table(card, sums, self._attributes(BY_SPECIES))

    def _species_pictures(self) -> Iterator[Picture]:
        if self._has(BY_SPECIES):
            yield from species_pictures(self._open(BY_SPECIES), self._drawing)
            if self._truth is not None:
                yield truth_picture(self._truth, self._drawing)
        for validation in self._validations(BY_SPECIES)[:1]:
            model = validation.main(PLANTBERT)
            yield from confusion_pictures(model.name, model.judged)

    def _formation_tables(self) -> Iterator[Table]:
        if self._truth is not None and self._mapped:
            yield formation_agreement_table({code: self._agreement(code) for code in self._mapped})
        rows = tuple(row for each in FORMATIONS for row in self._voters(each))
        if rows:
            columns = ("formation", "habitats", "predictors", "learners and their weights", "folds")
            yield Table("Who votes", columns, rows)

    def _agreement(self, formation: str) -> Agreement:
        if self._truth is None:
            return Agreement()
        habitat = self._open(f"{BY_ENVIRONMENT}/{formation}")["habitat"]
        return agreement_of(habitat, self._truth, formation)

    def _voters(self, formation: str) -> Iterator[tuple[str, int, int, str, int]]:
        path = self._card(f"{BY_ENVIRONMENT}/{formation}")
        if path is None:
            return
        card = json.loads(path.read_text())
        weights = ", ".join(f"{name} {weight:.2g}" for name, weight in card["weights"].items())
        folds = {voter["fold"] for voter in card["voters"]}
        features = card["features"]["features"]
        yield (entitled(formation), len(card["classes"]), len(features), weights, len(folds))

    def _formation_pictures(self) -> Iterator[Picture]:
        if self._formations:
            judged = {
                each.code: each.validations[0].main(ENSEMBLE).judged for each in self._formations
            }
            yield formation_confusions(judged)
        if self._mapped:
            code = self._widest
            group = f"{BY_ENVIRONMENT}/{code}"
            yield uncertainty_picture(self._open(group), code, self._drawing)

    @cached_property
    def _dominant(self) -> Counter[int]:
        """Cells of each number of the map from wall to wall."""
        return wall_to_wall_cells(self.workspace)

    @property
    def _widest(self) -> str:
        """The mapped formation that takes most of the map from wall to wall, or the first one."""
        sums = {
            code: sum(n for number, n in self._dominant.items() if _is_of(code, number))
            for code in self._mapped
        }
        return max(self._mapped, key=lambda code: sums[code])

    def _wall_tables(self) -> Iterator[Table]:
        cube, resolution = self._open(WALL_TO_WALL), self.recipe.grid.resolution
        if self._dominant:
            yield cover_table(self._covers(), self._names, resolution=resolution)
            cells = self._cells(_codes(cube))
            yield widest_table(habitat_statistics(cells, resolution=resolution), self._names)
        rules = rules_of(cube["rule"])
        decided = counted(cube["rule"])
        yield rule_table({rule_words(name): decided[number] for number, name in rules.items()})
        if self._truth is not None:
            found = agreement_of(cube["habitat"], self._truth)
            yield agreement_table({"dominant habitat from wall to wall": found})

    def _covers(self) -> dict[str, int]:
        """Return the cells of each formation and each surface of the wall-to-wall map."""
        found = {
            code: sum(n for number, n in self._dominant.items() if _is_of(code, number))
            for code in FORMATIONS
        }
        surfaces = {
            self._drawing.names.get(number, str(number)): count
            for number, count in self._dominant.items()
            if number < number_of("MA2")
        }
        return found | surfaces

    def _cells(self, codes: tuple[str, ...]) -> dict[str, int]:
        """Return the cells of each habitat of the map: the models', then what land cover adds."""
        cells = dict.fromkeys(codes, 0)
        for number, count in self._dominant.items():
            line = self._legend.by_number.get(number)
            if number >= number_of("MA2"):
                cells[line.code if line else str(number)] = count
        return cells

    def _wall_pictures(self) -> Iterator[Picture]:
        yield from wall_to_wall_pictures(self._open(WALL_TO_WALL), self._drawing)


def _validation(name: str, scores: HabitatScores) -> Validation:
    """Say in plain words what plots these are; models that say nothing of any are left out."""
    where = HELD_OUT if name == PLOTS else name.removeprefix(EXTERNAL)
    said = ((model, *scores.judged(model)) for model in scores.probability)
    return Validation(
        where,
        tuple(
            Scored(model, judged, block, scores.notes.get(model, ""))
            for model, judged, block in said
            if judged.labels
        ),
    )


def _codes(cube: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(code) for code in np.asarray(cube["habitat_code"]).tolist())


def _is_of(formation: str, number: int) -> bool:
    return number // 1000 * 1000 == number_of(formation)


def _model_table(card: HabitatCard, sums: SpeciesSums, attributes: Mapping[str, Any]) -> Table:
    pairs: dict[str, str | int | float] = {
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
