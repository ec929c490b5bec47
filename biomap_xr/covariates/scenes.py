"""Satellite scenes of a period: which files they are, and one strip of one scene at a time."""

import datetime
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr import sources as readers
from biomap_xr.covariates.composite import ALIGNMENT, Strip
from biomap_xr.covariates.harmonise import bilinear, check_values, nearest, valid_values
from biomap_xr.covariates.reading import Pixels, cells_in, read_around
from biomap_xr.covariates.settings import SceneFile, Sentinel2Settings
from biomap_xr.errors import InputError
from biomap_xr.sources import scenes as files
from biomap_xr.sources.raster import describe
from biomap_xr.sources.scenes import BandSource, MaskFiles, MaskRule, Scene

BRIGHTEST = 65_535


def find_scenes(root: Path, settings: Sentinel2Settings) -> tuple[Scene, ...]:
    """Return the scenes of the period in order of date.

    Raises:
        InputError: No scene lies in the period, a file is missing, or a date cannot be read.
    """
    start, end = settings.period.start, settings.period.end
    if settings.catalogue is not None:
        mask, rule = settings.mask, _rule(settings)
        name = None if mask is None else str(mask.band)
        return readers.find_items(
            root / settings.catalogue, settings.bands, period=(start, end), mask=name, rule=rule
        )
    scenes = tuple(_listed(root, settings)) if settings.scenes else _matching(root, settings)
    return tuple(sorted(files.in_period(scenes, start, end), key=lambda scene: scene.date))


def files_of_scene(scene: Scene, bands: tuple[str, ...]) -> Iterator[tuple[Path, list[BandSource]]]:
    """Yield each file of a scene with the bands that it holds, in their order, the mask's last."""
    sources = [scene.bands[band] for band in bands] + ([scene.mask] if scene.mask else [])
    for path, group in groupby(sources, key=lambda source: source.path):
        yield path, list(group)


def files_on(root: Path, settings: Sentinel2Settings, cells: GeoBox) -> Iterator[Path]:
    """Yield the files of scenes of the period that lie where some cells do.

    Raises:
        InputError: Scenes cannot be found or described.
    """
    for scene in find_scenes(root, settings):
        for path, _ in files_of_scene(scene, settings.bands):
            raster = describe(path, crs=settings.crs).geobox
            if raster.extent.intersects(cells.extent.to_crs(str(raster.crs))):
                yield path


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


def _rule(settings: Sentinel2Settings) -> MaskRule:
    return MaskRule(() if settings.mask is None else settings.mask.valid)


def _matching(root: Path, settings: Sentinel2Settings) -> tuple[Scene, ...]:
    """Return all scenes whose files match the pattern."""
    pattern, mask = str(settings.files), None
    if settings.mask is not None:
        beside = _beside(pattern, settings.mask.pattern)
        mask = MaskFiles(beside, settings.mask.band, _rule(settings))
    return files.find_scenes(
        root, pattern, settings.bands, mask=mask, date_format=settings.date_format
    )


def _listed(root: Path, settings: Sentinel2Settings) -> Iterator[Scene]:
    """Yield the scenes that the recipe names."""
    timestamps = _timestamps(root / settings.timestamps) if settings.timestamps else []
    for file in settings.scenes:
        bands = {band: BandSource(root / file.path, band) for band in settings.bands}
        mask = None
        if settings.mask is not None:
            path = file.mask or _beside(file.path, settings.mask.pattern)
            mask = BandSource(root / path, file.mask_band or settings.mask.band)
        yield Scene(_date_of(file, timestamps, settings), bands, mask, _rule(settings))


def _beside(scene: str, pattern: str | None) -> str:
    """Return the path of the mask that belongs to a scene's.

    >>> _beside("s2/S2_20210401.tif", "{stem}_mask.tif")
    's2/S2_20210401_mask.tif'
    """
    return (pattern or scene).replace("{stem}", str(Path(scene).with_suffix("")))


def _date_of(
    file: SceneFile, timestamps: list[datetime.date], settings: Sentinel2Settings
) -> datetime.date:
    if file.date is not None:
        return file.date
    position = file.position or 0
    if not 0 <= position < len(timestamps):
        raise InputError(
            f"sentinel2: scene {file.path!r} has position {position}; {settings.timestamps!r} "
            f"holds {len(timestamps)} dates, counted from 0"
        )
    return timestamps[position]


def _timestamps(path: Path) -> list[datetime.date]:
    """Read a JSON list of ISO dates."""
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
        return [datetime.datetime.fromisoformat(text).date() for text in texts]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"sentinel2: {str(path)!r} is no JSON list of ISO dates ({error}); expected "
            "['2021-03-21', ...]: correct timestamps"
        ) from error
