"""The rules of a run's maps: tables read, plots counted by region without them, all checked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomap_xr.covariates.cube import Covariates
from biomap_xr.habitats.ensemble.artefact import FormationModel
from biomap_xr.habitats.eunis import at_level
from biomap_xr.habitats.legend import NODATA, SPECIAL, Legend, legend_of, read_legend
from biomap_xr.habitats.rules.regional import Association
from biomap_xr.habitats.rules.rulebook import (
    COAST,
    ECOREGION,
    Rulebook,
    count_layers,
    read_rulebook,
)
from biomap_xr.habitats.rules.settings import RegionSettings, RulesSettings
from biomap_xr.habitats.rules.snapping import Placed
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.programs.masks import MaskReader, RegionsProgram, layers_of, regions_of
from biomap_xr.run import fingerprint_of
from biomap_xr.run.kept import KeptRecord

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

RECORD = "regions.json"
READING = {"coast_depth", "snapping_distance", "ecoregion_missing", "coast_missing", "unknown"}
"""Settings that say how regions are read; tables count by what they hold, not by where they lie."""


def rules_of_run(
    observer: Observer,
    covariates: Covariates,
    models: Sequence[FormationModel],
    masks: str,
    filling: Filling,
) -> Rulebook:
    """Read the rules of a recipe for its models.

    Where a formation has no table of regions, the plots are counted in the regions of the map. What
    the rules make of the plots is kept in ``models/habitats/by_environment/regions.json``.

    Args:
        observer: Has the recipe with absolute paths, and the plots.
        covariates: The cube with the masks.
        models: Trained.
        masks: Fingerprint of what the layers of regions hold.
        filling: Whose workers find the regions of the plots.

    Raises:
        InputError: A table does not fit the models, or the legend lacks a class.
    """
    settings = observer.recipe.habitats.rules
    codes = {model.formation: model.codes for model in models}
    reader = reader_of(covariates, models, settings)
    record = KeptRecord(observer.workspace.models / "habitats" / "by_environment" / RECORD, "data")
    read: dict[str, JsonValue] = {
        "masks": masks,
        "reading": settings.regions.model_dump(mode="json", include=READING),
    }
    data = fingerprint_of(
        {
            **read,
            "models": [model.weights for model in models],
            "tables": [*observer.workspace.contents.names(tables_of(settings.regions))],
        }
    )
    if record.key == data:
        counted = record.read()["counted"]
        rules = read_rulebook(
            settings, codes, {layer: _association(each) for layer, each in counted.items()}
        )
    else:
        name = fingerprint_of({**read, "layers": list(reader.layers)})
        program = RegionsProgram(filling.workspace.root, reader, name)
        folder = filling.workspace.models / "habitats" / "regions"
        placed = regions_of(program, observer.plots.cells, folder, filling.complete)
        rules = _count(observer, placed, codes, record, data)
    _check_legend(settings, rules, codes)
    return rules


def tables_of(settings: RegionSettings) -> tuple[Path, ...]:
    """Return the files that the rules of regions are read from."""
    codes = settings.coast_codes if isinstance(settings.coast_codes, Path) else None
    paths = (
        settings.ecoregion_table, settings.ecoregion_codes, codes, *settings.coast_tables.values()
    )  # fmt: skip
    return tuple(path for path in paths if path is not None)


def reader_of(
    covariates: Covariates, models: Sequence[FormationModel], settings: RulesSettings
) -> MaskReader:
    """Return the reader of the regions that some models need."""
    formations = [model.formation for model in models]
    return MaskReader(covariates, layers_of(formations, settings.regions), settings.regions)


def legend_of_map(settings: RulesSettings, codes: Sequence[str]) -> Legend:
    """Return the recipe's legend, or one made by rule for some codes.

    Raises:
        InputError: The recipe's legend cannot be read.
    """
    return read_legend(settings.legend) if settings.legend else legend_of(codes)


def codes_on_map(rules: Rulebook, models: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return all classes that can be on the map."""
    if rules.matched is not None:
        return rules.matched.codes
    return tuple(code for codes in models.values() for code in codes)


@dataclass(frozen=True)
class Pairs:
    """The pairs of a class and a region that plots show, and how many of them the rules allow."""

    seen: int
    allowed: int
    forbidden: tuple[tuple[str, int], ...]
    """Class and code of the region."""

    @classmethod
    def of(
        cls, rules: Rulebook, labels: Sequence[Sequence[str]], placed: Mapping[str, Placed]
    ) -> "Pairs":
        """Look up the pairs of all plots that lie inside a region, not off the coast."""
        seen: set[tuple[str, int]] = set()
        forbidden: set[tuple[str, int]] = set()
        for formation, table in rules.regions.items():
            found = placed[table.layer]
            place = {int(code): index for index, code in enumerate(table.regions)}
            row = {code: index for index, code in enumerate(table.codes)}
            for plot in np.flatnonzero(found.distance == 0).tolist():
                region = int(found.region[plot])
                for code in labels[plot]:
                    if at_level(code, 1) == formation and code in row:
                        seen.add((code, region))
                        if region not in place or not table.allowed[row[code], place[region]]:
                            forbidden.add((code, region))
        return cls(len(seen), len(seen) - len(forbidden), tuple(sorted(forbidden)))

    def __str__(self) -> str:
        share = self.allowed / self.seen if self.seen else 1.0
        return f"{self.allowed} of {self.seen} pairs of class and region are allowed ({share:.1%})"


def _count(
    observer: Observer,
    placed: Mapping[str, Placed],
    codes: Mapping[str, Sequence[str]],
    record: KeptRecord,
    data: str,
) -> Rulebook:
    """Read the rules with the regions of the plots, and keep what came of it."""
    plots, settings = observer.plots, observer.recipe.habitats.rules
    labels = plots.plots.labels
    counted = _needed_counts(labels, placed, codes, settings)
    rules = read_rulebook(settings, codes, counted)
    pairs = Pairs.of(rules, labels, placed)
    inside = plots.cells.inside
    mapped = {
        layer: Placed(each.region[inside], each.distance[inside]) for layer, each in placed.items()
    }
    for layer, found in mapped.items():
        logger.info("%d plots on the map by %s: %s", inside.sum(), layer, found)
    logger.info("rules of regions: %s", pairs)
    if rules.matched is not None:
        logger.info("crosswalk: %s", rules.matched)
    content: dict[str, JsonValue] = {
        "counted": {layer: _plain(each) for layer, each in counted.items()},
        "plots": {layer: _described(each) for layer, each in mapped.items()},
        "pairs": {
            "seen": pairs.seen,
            "allowed": pairs.allowed,
            "forbidden": [list(each) for each in pairs.forbidden],
        },
    }
    record.write(content, data)
    return rules


def _needed_counts(
    labels: Sequence[Sequence[str]],
    placed: Mapping[str, Placed],
    codes: Mapping[str, Sequence[str]],
    settings: RulesSettings,
) -> Mapping[str, Association]:
    """Count plots for the layers that no table of the recipe speaks of."""
    regions = settings.regions
    coastal = {each for each in codes if each in regions.coastal}
    wanted = {
        ECOREGION: regions.ecoregion_table is None,
        COAST: not coastal <= set(regions.coast_tables),
    }
    found = {layer: each.region for layer, each in placed.items() if wanted[layer]}
    counted = count_layers(labels, found, regions)
    # A class of a model may lie off the grid only: it is known, and nowhere on the map.
    return {layer: _with_classes(each, codes) for layer, each in counted.items()}


def _with_classes(counted: Association, codes: Mapping[str, Sequence[str]]) -> Association:
    missing = [code for each in codes.values() for code in each if code not in counted.codes]
    return Association(
        (*counted.codes, *missing),
        counted.regions,
        np.pad(counted.count, ((0, len(missing)), (0, 0))),
    )


def _check_legend(
    settings: RulesSettings, rules: Rulebook, codes: Mapping[str, Sequence[str]]
) -> None:
    on_map = codes_on_map(rules, codes)
    special = SPECIAL if rules.matched is not None else (NODATA,)
    legend_of_map(settings, on_map).require([*on_map, *special])


def _plain(counted: Association) -> "dict[str, JsonValue]":
    return {
        "codes": list(counted.codes),
        "regions": counted.regions.tolist(),
        "count": counted.count.tolist(),
    }


def _association(kept: Mapping[str, Any]) -> Association:
    regions = np.array(kept["regions"], np.int64)
    count = np.array(kept["count"], np.int64).reshape(len(kept["codes"]), len(regions))
    return Association(tuple(kept["codes"]), regions, count)


def _described(placed: Placed) -> "dict[str, JsonValue]":
    return {
        "inside": placed.inside,
        "moved": placed.moved,
        "lost": placed.lost,
        "farthest_m": round(float(np.nanmax(placed.distance, initial=0.0)), 1),
    }
