"""What a run has left of habitats in its workspace: scores, cards, maps, and the legend of all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import TypeAdapter

from biomap_xr.cubes import open_cube
from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES, WALL_TO_WALL, codes_of
from biomap_xr.habitats.eunis import FORMATIONS
from biomap_xr.habitats.legend import Legend, legend_of, read_legend
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.observations.plot_report import CurationReport
from biomap_xr.pipeline.records import (
    EXTERNAL,
    HABITATS,
    ON_MAP,
    PLOTS,
    SCORES,
    SPLIT,
    folder_of,
    scored,
)
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.report.habitats.gallery import Drawing
from biomap_xr.report.habitats.sections import HELD_OUT, Formation, Scored, Validation
from biomap_xr.virtual import open_truth
from biomap_xr.virtual.formations import NUMBERS


@dataclass(frozen=True)
class HabitatResults:
    """What is there of what the recipe asks for; what a run has not made is empty."""

    recipe: Recipe
    """With absolute paths."""
    workspace: Workspace

    @cached_property
    def by_species(self) -> tuple[Validation, ...]:
        """Scores of habitats from species: held-out plots first, then external data sets."""
        wanted = self.recipe.habitats.by_species is not None
        return self._validations(folder_of(self.workspace)) if wanted else ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """Formations that the recipe asks for; others may be left of a former one."""
        settings = self.recipe.habitats.by_environment
        return tuple(code for code in FORMATIONS if settings and code in settings.formations)

    @cached_property
    def formations(self) -> tuple[Formation, ...]:
        """Scores of the ensembles of all formations that were trained."""
        folders = ((code, folder_of(self.workspace, code)) for code in self.wanted)
        found = ((code, self._validations(folder), folder) for code, folder in folders)
        return tuple(
            Formation(code, validations, self._splits(folder))
            for code, validations, folder in found
            if validations
        )

    @cached_property
    def mapped(self) -> tuple[str, ...]:
        """Formations that have a map."""
        return tuple(code for code in self.wanted if self.has(environment(code)))

    @cached_property
    def card(self) -> HabitatCard | None:
        """Of the trained Pl@ntBERT."""
        path = _card(folder_of(self.workspace))
        return HabitatCard.model_validate_json(path.read_bytes()) if path else None

    def ensemble_card(self, formation: str) -> Mapping[str, Any] | None:
        """Return the card of a formation's ensemble."""
        path = _card(folder_of(self.workspace, formation))
        return json.loads(path.read_text()) if path else None

    @property
    def curation(self) -> CurationReport | None:
        """What became of the vegetation plots."""
        path = self.workspace.models / "plots.json"
        if not path.is_file():
            return None
        return TypeAdapter(CurationReport).validate_json(path.read_bytes())

    @property
    def on_map(self) -> Mapping[str, Any] | None:
        """What plots and maps of others say of the finished map."""
        path = self.workspace.models / HABITATS / ON_MAP
        return json.loads(path.read_text()) if path.is_file() else None

    def has(self, group: str) -> bool:
        """Say whether a group of the cube of habitats is there."""
        return (self.workspace.habitats / group / "zarr.json").is_file()

    def open(self, group: str) -> xr.Dataset:
        """Open a group; its arrays are read where they are needed."""
        return open_cube(self.workspace.habitats, group)

    def codes(self, group: str) -> tuple[str, ...]:
        """Return the codes of a group's models."""
        return codes_of(self.open(group))

    @cached_property
    def truth(self) -> xr.DataArray | None:
        """Habitats of the simulated Europe ``(y, x)``, where the recipe has one."""
        if self.recipe.simulate is None:
            return None
        return open_truth(self.workspace.virtual).open().get("habitat")

    @cached_property
    def drawing(self) -> Drawing:
        """What maps are drawn with."""
        return Drawing(self.legend, self.recipe.evaluation.longest_side)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Code and name of each code of the legend."""
        return {entry.code: entry.label for entry in self.legend.entries}

    @cached_property
    def legend(self) -> Legend:
        """The recipe's legend, and lines by rule for codes that it lacks.

        Raises:
            InputError: The recipe's legend cannot be read.
        """
        rules = self.recipe.habitats.rules
        codes = {code for group in self._groups() for code in self.codes(group)}
        codes |= set(rules.crosswalk.direct if rules.crosswalk else ())
        codes |= {code for each in self._scored() for code in each.judged.classes}
        lines = dict(legend_of(codes, self._simulated_names).by_number)
        if rules.legend is not None:
            lines |= read_legend(rules.legend).by_number
        return Legend(tuple(lines[number] for number in sorted(lines)))

    def _validations(self, folder: Path) -> tuple[Validation, ...]:
        """Return a model's scores, the held-out plots' first; nothing where these are missing."""
        external = (EXTERNAL + name for name in self.recipe.habitats.external)
        there = (name for name in (PLOTS, *external) if scored(folder, name))
        sets = ((name, HabitatScores.read(folder / SCORES, name)) for name in there)
        said = (validation_of(name, scores) for name, scores in sets)
        found = tuple(each for each in said if each.models)
        # The first one is shown beside the papers, which external data must never be.
        return found if found and found[0].where == HELD_OUT else ()

    def _splits(self, folder: Path) -> tuple[Scored, ...]:
        """Return the ensemble's scores under the splits that the recipe compares."""
        settings = self.recipe.habitats.by_environment
        names = settings.compared_splits if settings else ()
        there = (name for name in names if scored(folder, SPLIT + name))
        found = ((name, HabitatScores.read(folder / SCORES, SPLIT + name)) for name in there)
        said = ((name, validation_of(name, scores)) for name, scores in found)
        return tuple(replace(each.models[0], name=name) for name, each in said if each.models)

    def _groups(self) -> Iterator[str]:
        yield from (name for name in (BY_SPECIES, WALL_TO_WALL) if self.has(name))
        yield from map(environment, self.mapped)

    def _scored(self) -> Iterator[Scored]:
        groups = [self.by_species, *(each.validations for each in self.formations)]
        yield from (model for group in groups for each in group for model in each.models)

    @property
    def _simulated_names(self) -> Mapping[str, str]:
        simulated = self.recipe.simulate is not None
        return {one.code: one.name for one in NUMBERS.values()} if simulated else {}


def environment(formation: str) -> str:
    """Return the group of a formation's map.

    >>> environment("R")
    'by_environment/R'
    """
    return f"{BY_ENVIRONMENT}/{formation}"


def validation_of(name: str, scores: HabitatScores) -> Validation:
    """Return what scores of a name say; models that say nothing of any plot are left out."""
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


def _card(folder: Path) -> Path | None:
    places = (folder / name / "card.json" for name in ("model", "ensemble", ""))
    return next((path for path in places if path.is_file()), None)
