"""The masks that the rules of habitat maps read: regions snapped and cut, codes known beforehand.

Plots and cells get their regions in the same way, so that the classes counted in a plot's region
are allowed in the plot's own cell.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import distance_transform_edt

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.masks import codes_at_source, is_vector
from biomap_xr.covariates.settings import CovariateSettings, LayerSettings, MaskSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Tile
from biomap_xr.habitats.rules.coast import within_depth
from biomap_xr.habitats.rules.lookup import NAMED
from biomap_xr.habitats.rules.regional import count_plots
from biomap_xr.habitats.rules.rulebook import (
    COAST,
    ECOREGION,
    Masks,
    Rulebook,
    margin_of,
    read_associations,
    read_crosswalk,
    snap_masks,
)
from biomap_xr.habitats.rules.settings import CrosswalkSettings, RegionSettings, RulesSettings
from biomap_xr.habitats.rules.snapping import Placed
from biomap_xr.programs.slices import Complete, Slice, Slices
from biomap_xr.run import Outcome, Receipt, Task, recorded
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish

if TYPE_CHECKING:
    from biomap_xr.run.task import Statistics

SLICE = 20_000
"""Plots of a task."""
MASKS, LAND, LAND_COVER = "masks", "land", "land_cover"
WATER = 0


@dataclass(frozen=True)
class MaskReader:
    """Reads the regions of a tile as the rules need them; travels to workers."""

    covariates: Covariates
    layers: tuple[str, ...]
    """``ecoregion`` and ``coast``, those that the formations need."""
    settings: RegionSettings

    @property
    def margin(self) -> int:
        """Cells around a tile that can decide on one of its cells."""
        resolution = self.covariates.grid.resolution
        depth = ceil(self.settings.coast_depth / resolution) if COAST in self.layers else 0
        snapped = margin_of(self.settings, resolution) if ECOREGION in self.layers else 0
        return max(depth, snapped)

    def read(self, tile: Tile) -> tuple[Masks, Placed | None]:
        """Return the regions of a tile.

        Returns:
            Codes ``(y, x)`` of each layer: ecoregions also of cells just off the coast, coasts as
            far inland as they reach. And how cells found their ecoregion, where there is that
            layer.

        Raises:
            InputError: The covariates lack a layer.
        """
        margin = self.margin
        window = tile.window.padded(margin)
        masks = {each: self.covariates.read(MASKS, each, window) for each in self.layers}
        if COAST in masks:
            masks[COAST] = within_depth(masks[COAST], self._to_sea(tile), self.settings.coast_depth)
        if ECOREGION in masks:
            resolution = self.covariates.grid.resolution
            return snap_masks(masks, self.settings, resolution, margin)
        inner = slice(margin, -margin or None)
        return {name: codes[inner, inner] for name, codes in masks.items()}, None

    def land(self, tile: Tile) -> NDArray[np.bool_]:
        """Return which cells of a tile are land ``(y, x)``."""
        return np.asarray(self.covariates.window(MASKS, LAND, tile) == 1)

    def _to_sea(self, tile: Tile) -> NDArray[np.float64]:
        """Return metres to the nearest water of a tile with its margin ``(y, x)``; inf: none."""
        window = tile.window.padded(self.margin)
        land = np.asarray(self.covariates.read(MASKS, LAND, window) != WATER)
        # What lies beyond the map is not known to be sea.
        rows, columns = (np.arange(part.start, part.stop) for part in (window.rows, window.columns))
        height, width = self.covariates.grid.shape
        outside = ((rows < 0) | (rows >= height))[:, None] | ((columns < 0) | (columns >= width))
        dry = land | outside
        if dry.all():
            return np.full(dry.shape, np.inf)
        return np.asarray(distance_transform_edt(dry, sampling=self.covariates.grid.resolution))

    def at(self, cells: Cells) -> Mapping[str, Placed]:
        """Return the regions of cells ``(n,)`` by layer; the missing code off the grid.

        Raises:
            InputError: The covariates lack a layer.
        """
        grid = self.covariates.grid
        missing = {
            ECOREGION: self.settings.ecoregion_missing[0],
            COAST: self.settings.coast_missing[0],
        }
        region = {each: np.full(len(cells), missing[each], np.int64) for each in self.layers}
        away = np.full(len(cells), np.nan)
        names = np.full(len(cells), -1)
        inside = np.flatnonzero(cells.inside)
        side = grid.tile_cells
        names[inside] = (
            cells.row[inside] // side * grid.tile_shape[1] + cells.column[inside] // side
        )
        for number in np.unique(names[inside]).tolist():
            here = np.flatnonzero(names == number)
            tile = grid.tile_at(*divmod(number, grid.tile_shape[1]))
            row, column = cells.row[here] % side, cells.column[here] % side
            masks, placed = self.read(tile)
            for layer, codes in masks.items():
                region[layer][here] = codes[row, column]
            if placed is not None:
                away[here] = placed.distance[row, column]
        none = np.isin(region.get(COAST, np.array([])), self.settings.coast_missing)
        distance = {ECOREGION: away, COAST: np.where(none, np.nan, 0.0)}
        return {each: Placed(region[each], distance[each]) for each in self.layers}


def layers_of(rules: Sequence[str], settings: RegionSettings) -> tuple[str, ...]:
    """Return the layers that some formations need.

    >>> layers_of(["N", "T"], RegionSettings())
    ('ecoregion', 'coast')
    """
    coastal = [each for each in rules if each in settings.coastal]
    wanted = (ECOREGION,) if len(coastal) < len(rules) else ()
    return (*wanted, COAST) if coastal else wanted


@dataclass(frozen=True)
class CodesProgram:
    """Counts the cells of each code of the masks on a tile; its receipts hold what it finds."""

    covariates: Covariates
    layers: tuple[str, ...]
    """Masks that are looked at."""
    fingerprint: str
    """Of the masks."""
    name: str = "mask_codes"

    def __call__(self, tile: Tile) -> Outcome:
        """Count the codes of a tile.

        Raises:
            InputError: A layer is not in the cube.
        """
        found: Statistics = {}
        for layer in self.layers:
            window = self.covariates.window(MASKS, layer, tile)
            codes, cells = np.unique(window, return_counts=True)
            found |= {f"{layer} codes": codes.tolist(), f"{layer} cells": cells.tolist()}
        return Outcome(statistics=found)

    def counted(self, receipts: Iterable[Receipt | None]) -> dict[str, Counter[int]]:
        """Add up the cells of each code, by layer."""
        counts: dict[str, Counter[int]] = {layer: Counter() for layer in self.layers}
        for found in (each.statistics for each in receipts if each is not None):
            for layer, sums in counts.items():
                codes, cells = found[f"{layer} codes"], found[f"{layer} cells"]
                pairs = zip(np.atleast_1d(codes), np.atleast_1d(cells), strict=True)
                sums.update({int(code): int(count) for code, count in pairs})
        return counts


@dataclass(frozen=True)
class RegionsProgram:
    """Finds the regions of a slice of cells, as those of the map are found."""

    root: Path
    """Of the run."""
    reader: MaskReader
    fingerprint: str
    """Of the masks and of how they are read."""
    name: str = "plot_regions"
    unit: str = "slices of plots"

    def __call__(self, task: Task) -> Outcome:
        """Find the regions of a slice: ``(cell, 2 x layer)`` codes, then distances.

        Raises:
            InputError: The covariates lack a layer.
        """
        part: Slice = task.arguments
        placed = self.reader.at(Cells(*part.places())).values()
        columns = [*(each.region for each in placed), *(each.distance for each in placed)]
        found = np.stack(columns, axis=1).astype(np.float64)
        publish(part.result, array_to_bytes(found))
        return Outcome(recorded(self.root, part.result))


def regions_of(
    program: RegionsProgram, cells: Cells, folder: Path, complete: Complete
) -> Mapping[str, Placed]:
    """Find the regions of cells ``(n,)`` on the workers, by layer (see `MaskReader.at`).

    Args:
        program: With the masks.
        cells: Of plots, -1 off the grid.
        folder: Where slices are kept until all are found.
        complete: Runs a program on tasks, until all are done.

    Raises:
        InputError: The covariates lack a layer.
    """
    layers, side = program.reader.layers, program.reader.covariates.grid.tile_cells
    # Plots of a tile are together, so that its masks are read once.
    order = np.lexsort((cells.column // side, cells.row // side))
    places = np.stack([cells.row, cells.column])
    slices = Slices.keep(folder, places, order, SLICE, program.fingerprint)
    complete(program, slices.tasks())
    found = slices.joined(np.empty((len(cells), 2 * len(layers)))).T
    shutil.rmtree(slices.folder)
    columns = zip(layers, found, found[len(layers) :], strict=False)
    return {name: Placed(region.astype(np.int64), away) for name, region, away in columns}


def check_known(rules: Rulebook, counts: Mapping[str, Mapping[int, int]]) -> None:
    """Make sure that the rules know every code on the map, before any tile is made.

    Args:
        rules: Of the models.
        counts: Cells of each code, by layer.

    Raises:
        InputError: There are codes that no table knows and that do not mean missing.
    """
    known: dict[str, set[int]] = {}
    for table in rules.regions.values():
        if table.missing is not None:
            known.setdefault(table.layer, set()).update(table.regions.tolist(), table.missing)
    if rules.matched is not None:
        priority = rules.matched.priority
        known[LAND_COVER] = {*priority.covers.tolist(), *priority.missing}
    for problem in unknown_codes(known, counts, "cells"):
        raise InputError(problem)


def known_codes(
    settings: RulesSettings, formations: Sequence[str], placed: Mapping[str, Placed] | None = None
) -> Mapping[str, set[int]]:
    """Return the codes that the rules will know, by layer, before any model is trained.

    Args:
        settings: Of the recipe.
        formations: Whose models there will be.
        placed: Regions of the plots by layer, which count where no table is named.

    Returns:
        Only layers of which a code can be unknown: not where ``regions.unknown`` is ``nowhere``,
        nor where plots are to be counted and ``placed`` is not given.

    Raises:
        InputError: A table cannot be read.
    """
    regions = settings.regions
    missing = {ECOREGION: regions.ecoregion_missing, COAST: regions.coast_missing}
    known: dict[str, set[int]] = {}
    if regions.unknown == "error":
        counted = {
            layer: count_plots([()] * len(each.region), each.region, missing[layer])
            for layer, each in (placed or {}).items()
        }
        tables = read_associations(regions, counted)
        for formation in formations:
            layer = COAST if formation in regions.coastal else ECOREGION
            found = tables.get(formation, tables.get(layer))
            if found is not None:
                codes = known.setdefault(layer, set(missing[layer]))
                codes.update(found.regions.tolist())
    if settings.crosswalk is not None:
        covers = read_crosswalk(settings.crosswalk, {}).covers
        known[LAND_COVER] = {*covers.tolist(), *settings.crosswalk.missing}
    return known


def unknown_at_source(
    covariates: CovariateSettings, cells: GeoBox, known: Mapping[str, set[int]]
) -> tuple[str, ...]:
    """Look for codes that no rule knows in the files of the masks, before anything is made of them.

    Args:
        covariates: With an absolute root.
        cells: Of the whole map.
        known: Of `known_codes`.

    Returns:
        What is wrong, a sentence a layer; nothing where all is well.

    Raises:
        InputError: A file cannot be read.
    """
    problems: list[str] = []
    for name, codes in known.items():
        layer: LayerSettings | None = getattr(covariates.masks, name)
        if layer is not None:
            found = codes_at_source(covariates.root, layer, cells)
            unit = "polygons" if is_vector(layer) else "pixels"
            problems += unknown_codes({name: codes}, {name: found}, unit)
    return tuple(problems)


def unknown_codes(
    known: Mapping[str, set[int]], counts: Mapping[str, Mapping[int, int]], unit: str
) -> Iterator[str]:
    """Yield what is wrong with the codes of each layer.

    Args:
        known: Codes that rules know, by layer.
        counts: How much of each code there is, by layer.
        unit: What was counted, such as cells.

    >>> list(unknown_codes({"coast": {1}}, {"coast": {1: 5}}, "cells"))
    []
    """
    for layer, codes in known.items():
        strangers = sorted(set(counts[layer]) - codes)
        if strangers:
            some = ", ".join(f"{code} ({counts[layer][code]} {unit})" for code in strangers[:NAMED])
            more = f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
            yield (
                f"masks/{layer} has the codes {some}{more}, which no rule knows; expected those of "
                f"the rules' tables: add them there, {REMEDIES[layer]}"
            )


REMEDIES = {
    ECOREGION: "name the code that means none in habitats.rules.regions.ecoregion_missing, or set "
    "habitats.rules.regions.unknown: nowhere, which maps no class there",
    COAST: "name the code that means none in habitats.rules.regions.coast_missing, or set "
    "habitats.rules.regions.unknown: nowhere, which maps no class there",
    LAND_COVER: "or name the codes that mean none in habitats.rules.crosswalk.missing",
}
"""What to do about unknown codes of each layer, beside adding them to a table."""


def check_water(masks: MaskSettings, crosswalk: CrosswalkSettings) -> None:
    """Make sure that the codes of water that land is told by are those of the crosswalk.

    Raises:
        InputError: The crosswalk has sea or transitional water under other codes, or cannot be
            read.
    """
    if not masks.by_cover:
        return
    found = read_crosswalk(crosswalk, {})
    wet = {
        int(cover)
        for cover, surface in zip(found.covers, found.surface, strict=True)
        if surface in ("SEA", "TRANSITIONAL_WATERS")
    }
    if not wet <= {*masks.water, *masks.undecided}:
        raise InputError(
            f"covariates.masks.water has the codes {list(masks.water)}, but {crosswalk.table} has "
            f"the sea and transitional waters under {sorted(wet)}; expected the same: state them "
            "in masks.water, or take masks.land_from: land"
        )
