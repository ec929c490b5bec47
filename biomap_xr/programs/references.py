"""The pass over a tile that holds the wall-to-wall map against a habitat map of others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.harmonise import check_values, nearest, valid_values
from biomap_xr.covariates.masks import read_codes
from biomap_xr.covariates.positions import subsamples_for
from biomap_xr.covariates.reading import cells_in, read_around
from biomap_xr.grid import Grid, Tile
from biomap_xr.habitats.comparison import Compared, compare
from biomap_xr.habitats.cube import WALL_TO_WALL
from biomap_xr.habitats.eunis import LEVELS, NO_HABITAT
from biomap_xr.habitats.reference import numbers_of_codes, translated
from biomap_xr.habitats.reference_settings import ReferenceSettings
from biomap_xr.programs.by_environment import read_map
from biomap_xr.run import Outcome
from biomap_xr.run.task import Statistics
from biomap_xr.sources.raster import describe

KERNEL = 1
"""Raised when the same map and reference give other numbers."""


@dataclass(frozen=True)
class ReferenceProgram:
    """Counts on each tile what a reference and the map say; it writes no shard."""

    store: Path
    """Of the habitats."""
    settings: ReferenceSettings
    """With absolute paths."""
    root: Path
    """Folder of the path of the validity mask."""
    grid: Grid
    fingerprint: str
    name: str

    def __call__(self, tile: Tile) -> Outcome:
        """Compare a tile; its map must be there.

        Returns:
            By level: pairs of numbers of the reference and of the map, cells of each pair, cells
            with the reference's class among the map's ranks, and cells that are too mixed.

        Raises:
            InputError: The reference cannot be read, or has a code without a class.
        """
        points, subsamples = self.points(tile.geobox)
        if (points == NO_HABITAT).all():
            return Outcome()
        ranks = read_map(self.store, WALL_TO_WALL, "habitat", tile)
        found = compare(
            ranks, points, subsamples=subsamples, minimum_share=self.settings.minimum_share
        )
        return Outcome((), _plain(found))

    def points(self, cells: GeoBox) -> tuple[NDArray[np.uint16], int]:
        """Return the reference's numbers at the points of cells, and the points along a side.

        Each point takes the pixel that it lies in; a cell has as many as its side has pixels.
        """
        settings = self.settings
        raster = describe(settings.path, crs=settings.crs)
        subsamples = subsamples_for(self.grid.geobox, raster.geobox)
        where = cells_in(raster, cells, subsamples=subsamples)
        pixels = read_around(raster, (settings.band,), where)
        known = valid_values(pixels.values, (raster.nodata, settings.nodata))
        check_values(f"codes of {settings.path}", pixels.values, known, None)
        values = pixels.values.astype(np.int64)
        numbers = translated(settings.path, values, known, numbers_of_codes(settings))
        points = nearest(numbers[0], pixels.where, NO_HABITAT)
        if settings.valid is not None:
            inside = read_codes(self.root, settings.valid, cells, 0) != 0
            points[~inside.repeat(subsamples, 0).repeat(subsamples, 1)] = NO_HABITAT
        return points, subsamples


def _plain(found: dict[int, Compared]) -> Statistics:
    out: Statistics = {}
    for level, one in found.items():
        pairs = list(one.pairs.items())
        out[f"true_{level}"] = [float(true) for (true, _), _ in pairs]
        out[f"found_{level}"] = [float(found) for (_, found), _ in pairs]
        out[f"cells_{level}"] = [float(count) for _, count in pairs]
        out[f"among_{level}"], out[f"mixed_{level}"] = float(one.among), float(one.mixed)
    return out


def compared_in(statistics: Statistics) -> dict[int, Compared]:
    """Read what the program says of a tile; nothing where the reference does not reach it."""
    out: dict[int, Compared] = {}
    for level in LEVELS if statistics else ():
        one = Compared(
            among=int(_number(statistics, f"among_{level}")),
            mixed=int(_number(statistics, f"mixed_{level}")),
        )
        names = (f"{name}_{level}" for name in ("true", "found", "cells"))
        for true, found, cells in zip(*(_list(statistics, name) for name in names), strict=True):
            one.pairs[int(true), int(found)] += int(cells)
        out[level] = one
    return out


def _number(statistics: Statistics, name: str) -> float:
    value = statistics[name]
    return value if isinstance(value, float) else value[0]


def _list(statistics: Statistics, name: str) -> list[float]:
    value = statistics[name]
    return value if isinstance(value, list) else [value]
