"""Predictors at places of observations, from the sources' own pixels (paper 2, "Input data").

A plot of some square metres is described best by the finest pixel under it, not by the map's cell.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.windows import Window

from biomap_xr.covariates.harmonise import check_values, valid_values
from biomap_xr.covariates.predictors import PredictorSettings, PredictorsSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid, Points
from biomap_xr.sources.raster import Raster, describe
from biomap_xr.sources.window import read_block

BLOCK = 512
"""Pixels along the side of a window that is read at once."""


def predictors_at(
    root: Path, settings: PredictorsSettings, grid: Grid, points: Points
) -> NDArray[np.float32]:
    """Take every predictor at places, from the source's pixel that each lies in.

    Shares of classes are those of the cell of the predictors' grid, since one pixel has no shares.

    Args:
        root: Folder of the paths.
        settings: The variables.
        grid: The whole map's grid, in whose CRS the points are.
        points: ``(place,)`` each.

    Returns:
        ``(place, variable)`` in the order of ``settings.names``, NaN where missing.

    Raises:
        InputError: A file cannot be read, or a value cannot be true.
    """
    columns = [_variable(root, variable, grid, points) for variable in settings.variables]
    names = [name for variable in settings.variables for name in variable.variables]
    values = np.concatenate(columns, axis=1).astype(np.float32)
    # Settings and columns are made from the same variables: a difference would shift them all.
    if tuple(names) != settings.names or values.shape[1] != len(names):
        raise InputError(
            f"{values.shape[1]} columns for the predictors {settings.names}; expected one each"
        )
    return values


def pixels_at(raster: Raster, band: int | str, crs: str, points: Points) -> NDArray[np.float64]:
    """Return the values of a band at places ``(place,)``, NaN off the file; nodata stays.

    Args:
        raster: The file.
        band: By number (from 1) or name.
        crs: Of the points.
        points: ``(place,)`` each.
    """
    row, column = _pixel_of(raster, crs, points)
    height, width = raster.geobox.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    out = np.full(len(row), np.nan)
    index = np.flatnonzero(inside)
    block = (row[index] // BLOCK) * (width // BLOCK + 1) + column[index] // BLOCK
    order = np.argsort(block, kind="stable")
    # Places of one block are read together, so that a file is decoded once.
    for part in np.split(index[order], np.flatnonzero(np.diff(block[order])) + 1):
        if len(part):
            out[part] = _read(raster, band, row[part], column[part])
    return out


def _read(
    raster: Raster, band: int | str, row: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.float64]:
    top, left = int(row.min()), int(column.min())
    window = Window.from_slices((top, int(row.max()) + 1), (left, int(column.max()) + 1))
    values = read_block(raster, window, raster.indexes((band,)))[0]
    return values[row - top, column - left].astype(np.float64)


def _pixel_of(
    raster: Raster, crs: str, points: Points
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    transformer = Transformer.from_crs(crs, raster.geobox.crs, always_xy=True)
    x, y = transformer.transform(points.x, points.y)
    affine = ~raster.geobox.affine
    column, row = affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
    # What has no place in the file's projection lies outside of it.
    possible = np.isfinite(column) & np.isfinite(row)
    return tuple(  # type: ignore[return-value]
        np.where(possible, np.floor(each), -1).astype(np.int64) for each in (row, column)
    )


def _variable(
    root: Path, variable: PredictorSettings, grid: Grid, points: Points
) -> NDArray[np.float64]:
    """Return the columns of one variable ``(place, column)``."""
    layers = [_file(root / path, variable, grid, points) for path in variable.paths]
    if len(layers) == 1:
        return layers[0]
    stack = np.stack(layers)
    count = (~np.isnan(stack)).sum(axis=0)
    total = np.nansum(stack, axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _file(
    path: Path, variable: PredictorSettings, grid: Grid, points: Points
) -> NDArray[np.float64]:
    raster = describe(path, crs=variable.crs)
    crs = str(grid.crs)
    if variable.kind == "proportions":
        return _shares(raster, variable, grid, points)
    stored = pixels_at(raster, variable.band, crs, points)
    valid = np.isfinite(stored) & valid_values(stored, (raster.nodata, variable.nodata))
    values = stored * variable.scale + variable.offset
    name = f"predictor {variable.name} [{variable.unit}] of {path}"
    # As a column, since the message of a wrong value names a row and a column.
    check_values(name, values[:, None], valid[:, None], variable.valid_range)
    return np.where(valid, values, np.nan)[:, None]


def _shares(
    raster: Raster, variable: PredictorSettings, grid: Grid, points: Points
) -> NDArray[np.float64]:
    """Return the share of each class among the pixels of each place's cell ``(place, class)``."""
    half = grid.resolution / 2
    side = abs(raster.geobox.resolution.x)
    count = max(1, round(grid.resolution / side)) if raster.geobox.crs == grid.crs else 9
    steps = (np.arange(count) + 0.5) / count * grid.resolution - half
    centres = grid.centres_of(grid.cells_of(points))
    known = np.zeros(len(points.x))
    found = np.zeros((len(points.x), len(variable.classes)))
    for dx in steps:
        for dy in steps:
            moved = Points(centres.x + dx, centres.y + dy)
            codes = pixels_at(raster, variable.band, str(grid.crs), moved)
            valid = np.isfinite(codes) & valid_values(codes, (raster.nodata, variable.nodata))
            known += valid
            for place, members in enumerate(variable.classes.values()):
                found[:, place] += valid & np.isin(codes, members)
    return np.divide(
        found, known[:, None], out=np.full(found.shape, np.nan), where=known[:, None] > 0
    )
