"""What each group holds in one tile: read by window, brought to the cells, in our units."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.composite import Strip, composite_strips
from biomap_xr.covariates.files import MONTHS, QUARTERS, climate_files, find_scenes, landsat_files
from biomap_xr.covariates.harmonise import (
    cell_means,
    check_values,
    nearest,
    proportions,
    valid_values,
)
from biomap_xr.covariates.positions import subsamples_for
from biomap_xr.covariates.predictors import PredictorSettings, PredictorsSettings
from biomap_xr.covariates.reading import (
    Places,
    cells_in,
    interpolated,
    read_around,
)
from biomap_xr.covariates.scenes import scene_strip
from biomap_xr.covariates.settings import (
    CLIMATE_FILL,
    LANDSAT_FILL,
    ClimateSettings,
    LandsatSettings,
    Sentinel2Settings,
    year_range,
)
from biomap_xr.covariates.units import CLIMATE_RANGES, CLIMATE_UNITS, conversion
from biomap_xr.grid import Grid, Tile
from biomap_xr.sources.raster import describe
from biomap_xr.sources.scenes import Scene

Arrays = dict[str, NDArray[Any]]
"""Variables of a group by name."""


def read_sentinel2(root: Path, settings: Sentinel2Settings, tile: Tile) -> Arrays:
    """Composite the scenes of the period on a tile.

    Args:
        root: Folder of the paths.
        settings: Where the scenes are and how they are reduced.
        tile: Of the grid of the group's resolution.

    Returns:
        ``reflectance`` ``(4, y, x)`` uint16 and ``scenes`` ``(y, x)`` uint8.
    """
    readers = [
        partial(_rows_of, tile.geobox, settings, scene) for scene in find_scenes(root, settings)
    ]
    image = composite_strips(readers, (len(settings.bands), *tile.shape), settings.composite)
    return {"reflectance": image.reflectance, "scenes": image.scenes}


def read_landsat(root: Path, settings: LandsatSettings, tile: Tile) -> Arrays:
    """Sample all quarters at the centres of a tile's cells.

    Args:
        root: Folder of the paths.
        settings: Where the files are.
        tile: Of the map's grid.

    Returns:
        ``reflectance`` with the dims ``(6, 4, year, y, x)``, uint8, 255 where missing.
    """
    years = len(year_range(settings.years))
    cube = np.empty((len(settings.bands), len(QUARTERS), years, *tile.shape), np.uint8)
    place = Places(tile.geobox)
    for quarter, year, path in landsat_files(root, settings):
        raster = describe(path, crs=settings.crs)
        pixels = read_around(raster, settings.bands, place.of(raster))
        valid = valid_values(pixels.values, (raster.nodata, settings.nodata))
        # Files may say missing by another value than the cube does.
        values = np.where(valid, pixels.values, LANDSAT_FILL).astype(np.uint8)
        cube[:, quarter, year] = nearest(values, pixels.where, LANDSAT_FILL)
    return {"reflectance": cube}


def read_climate(root: Path, settings: ClimateSettings, tile: Tile) -> Arrays:
    """Interpolate monthly climate at the centres of a tile's cells.

    Args:
        root: Folder of the paths.
        settings: Where the files are and in which units.
        tile: Of the grid of the group's resolution.

    Returns:
        ``climate`` with the dims ``(4, year, 12, y, x)``, uint16 in the units of `CLIMATE_UNITS`,
        65,535 where missing.

    Raises:
        InputError: A value cannot be true in the stated unit.
    """
    years = len(year_range(settings.years))
    cube = np.full(
        (len(settings.variables), years, len(MONTHS), *tile.shape), CLIMATE_FILL, np.uint16
    )
    place = Places(tile.geobox)
    for variable, year, months, path, bands in climate_files(root, settings):
        ours = tuple(CLIMATE_UNITS)[variable]
        step = conversion(settings.units[settings.variables[variable]], CLIMATE_UNITS[ours])
        raster = describe(path, crs=settings.crs)
        pixels = read_around(raster, bands, place.of(raster))
        valid = valid_values(pixels.values, (raster.nodata, settings.nodata))
        check_values(
            f"climate {ours} [{CLIMATE_UNITS[ours]}] of {path}",
            # Checked before it is interpolated, so that the message holds the file's own place.
            pixels.values.astype(np.float64) * step.scale + step.offset,
            valid,
            CLIMATE_RANGES[ours],
        )
        values = interpolated(pixels, valid) * step.scale + step.offset
        cube[variable, year, months] = np.where(np.isnan(values), CLIMATE_FILL, np.rint(values))
    return {"climate": cube}


def read_predictors(
    root: Path, settings: PredictorsSettings, grid: Grid, cells: GeoBox
) -> dict[str, NDArray[np.float32]]:
    """Bring every static variable to some cells.

    Args:
        root: Folder of the paths.
        settings: The variables.
        grid: The whole grid of the group's resolution.
        cells: Of that grid.

    Returns:
        Each variable of the cube ``(y, x)``, NaN where missing.

    Raises:
        InputError: A value is no number, out of its range, or a code of no class.
    """
    found: dict[str, NDArray[np.float32]] = {}
    for variable in settings.variables:
        # In float32, which the model reads, and no wider.
        layers = _predictor(root, variable, grid, cells)
        found |= dict(zip(variable.variables, layers.astype(np.float32), strict=True))
    return found


def _rows_of(cells: GeoBox, settings: Sentinel2Settings, scene: Scene, rows: slice) -> Strip:
    return scene_strip(scene, settings, cells[rows, :])


def _predictor(
    root: Path, variable: PredictorSettings, grid: Grid, cells: GeoBox
) -> NDArray[np.float64]:
    """Return the layers of one predictor, ``(variable, y, x)``."""
    layers = [_layers_of(root / path, variable, grid, cells) for path in variable.paths]
    # A mean over files leaves out those that are missing at a cell.
    if len(layers) == 1:
        return layers[0]
    stack = np.stack(layers)
    present = ~np.isnan(stack)
    count = present.sum(axis=0)
    total = np.where(present, stack, 0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _layers_of(
    path: Path, variable: PredictorSettings, grid: Grid, cells: GeoBox
) -> NDArray[np.float64]:
    """Return the layers of one file of a predictor, ``(variable, y, x)``."""
    raster = describe(path, crs=variable.crs)
    # Means of codes mean nothing.
    fine = 1 if variable.kind == "code" else subsamples_for(grid.geobox, raster.geobox)
    pixels = read_around(raster, (variable.band,), cells_in(raster, cells, subsamples=fine))
    valid = valid_values(pixels.values, (raster.nodata, variable.nodata))
    if variable.kind == "proportions":
        codes = nearest(pixels.values[0], pixels.where, 0)
        there = nearest(valid[0], pixels.where, 0).astype(np.bool_)
        return proportions(codes, there, variable.classes, fine)
    values = pixels.values.astype(np.float64) * variable.scale + variable.offset
    check_values(
        f"predictor {variable.name} [{variable.unit}] of {path}",
        values,
        valid,
        variable.valid_range,
    )
    if variable.kind == "code":
        return nearest(np.where(valid, values, np.nan), pixels.where, np.nan)
    return cell_means(interpolated(replace(pixels, values=values), valid), fine)
