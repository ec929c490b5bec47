"""Satellite scenes of a period: which files they are, and one strip of one scene at a time."""

import math
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.composite import ALIGNMENT, Strip
from biomap_xr.covariates.harmonise import bilinear, check_values, nearest, valid_values
from biomap_xr.covariates.reading import Pixels, cells_in, read_around
from biomap_xr.covariates.settings import Sentinel2Settings
from biomap_xr.sources.raster import describe
from biomap_xr.sources.scenes import BandSource, Scene

BRIGHTEST = 65_535


def scene_strip(scene: Scene, settings: Sentinel2Settings, cells: GeoBox) -> Strip:
    """Read one scene on some cells.

    Args:
        scene: Its files.
        settings: How values become reflectance and which are missing.
        cells: Whole rows of a tile, beginning at a multiple of `ALIGNMENT`.

    Returns:
        Reflectance x 10,000 ``(4, y, x)``, 1 to 65,535 where valid, and validity ``(y, x)``.

    Raises:
        InputError: A value is no number and not declared as missing.
    """
    sources = [scene.bands[band] for band in settings.bands]
    # One reading a file, since the bands of a pixel often lie side by side in it.
    parts = [list(group) for _, group in groupby(sources, key=lambda source: source.path)]
    strips = [_strip(part, scene, settings, cells) for part in parts]
    if len(strips) == 1:
        return strips[0]
    valid = np.logical_and.reduce([valid for _, valid in strips])
    return np.concatenate([values for values, _ in strips]), valid


def to_reflectance(values: NDArray[np.generic], settings: Sentinel2Settings) -> NDArray[np.uint16]:
    """Scale stored values to reflectance x 10,000, at least 1, since 0 means missing.

    >>> to_reflectance(np.array([0.05, -0.1]), Sentinel2Settings(scale=10_000)).tolist()
    [500, 1]
    """
    if settings.scale == 1 and settings.offset == 0 and values.dtype == np.uint16:
        return np.maximum(values, 1)
    scaled = values.astype(np.float64) * settings.scale + settings.offset
    return np.clip(np.rint(scaled), 1, BRIGHTEST).astype(np.uint16)


def _strip(
    bands: list[BandSource], scene: Scene, settings: Sentinel2Settings, cells: GeoBox
) -> Strip:
    """Read some bands of one file: reflectance ``(band, y, x)`` and validity ``(y, x)``."""
    raster = describe(bands[0].path, crs=settings.crs)
    # A tile is square, so its width says whether strips of it begin on the lattice.
    where = cells_in(raster, cells, lattice=math.gcd(ALIGNMENT, cells.shape[1]))
    pixels = read_around(raster, tuple(source.band for source in bands), where)
    nodata = (raster.nodata, settings.nodata, bands[0].nodata)
    good = valid_values(pixels.values, nodata).all(axis=0) & _good(pixels, scene, settings)
    if raster.dtype.kind == "f":
        everywhere = np.broadcast_to(good, pixels.values.shape)
        check_values(f"sentinel2 {raster.path}", pixels.values, everywhere, None)
        pixels = replace(pixels, values=np.where(everywhere, pixels.values, 1))
    if pixels.where.on_centres:
        values = nearest(pixels.values, pixels.where, 1)
        return to_reflectance(values, settings), nearest(good, pixels.where, 0)
    # Clouds are left out before neighbours are mixed, not after.
    values = bilinear(pixels.values, good[None], pixels.where)
    valid = np.asarray(np.isfinite(values).all(axis=0))
    return to_reflectance(np.where(valid, values, 1), settings), valid


def _good(pixels: Pixels, scene: Scene, settings: Sentinel2Settings) -> NDArray[np.bool_]:
    """Return what the mask says about the pixels of a window, ``(row, column)``."""
    if scene.mask is None or not pixels.values.size:
        return np.ones(pixels.values.shape[1:], np.bool_)
    raster = describe(scene.mask.path, crs=settings.crs)
    codes = read_around(raster, (scene.mask.band,), cells_in(raster, pixels.geobox))
    return nearest(scene.rule.valid(codes.values[0]), codes.where, 0)
