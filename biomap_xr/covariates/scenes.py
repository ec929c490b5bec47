"""Satellite scenes of a period: which files they are, and one strip of one scene at a time."""

import datetime
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.composite import ALIGNMENT, Strip
from biomap_xr.covariates.harmonise import bilinear, check_values, nearest, valid_values
from biomap_xr.covariates.reading import Band, Pixels, cells_in, raster_at, read_around
from biomap_xr.covariates.settings import SceneFile, Sentinel2Settings
from biomap_xr.errors import InputError

BRIGHTEST = 65_535


@dataclass(frozen=True)
class BandFile:
    """Some bands of one file."""

    path: Path
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Scene:
    """One scene: all its bands in one file, or a file each."""

    date: datetime.date
    parts: tuple[BandFile, ...]
    """Red, green, blue and near infrared, in this order over all parts."""
    mask: BandFile | None

    @property
    def files(self) -> tuple[BandFile, ...]:
        """All files of the scene, its mask's included."""
        return self.parts if self.mask is None else (*self.parts, self.mask)


def find_scenes(root: Path, settings: Sentinel2Settings) -> tuple[Scene, ...]:
    """Return the scenes of the period in order of date.

    Raises:
        InputError: No scene lies in the period, or a date cannot be read.
    """
    scenes = _listed(root, settings) if settings.scenes else _matching(root, settings)
    chosen = [scene for scene in scenes if settings.period.holds(scene.date)]
    if not chosen:
        days = sorted(str(scene.date) for scene in scenes)
        source = (
            f"{len(scenes)} listed scenes"
            if settings.scenes
            else f"{str(root / str(settings.files))!r}"
        )
        raise InputError(
            f"sentinel2: no scene of {source} lies between {settings.period.start} and "
            f"{settings.period.end}; there are {days[:10] or 'none at all'}: correct the files or "
            "the period"
        )
    return tuple(sorted(chosen, key=lambda scene: (scene.date, str(scene.parts[0].path))))


def scene_strip(scene: Scene, settings: Sentinel2Settings, cells: GeoBox) -> Strip:
    """Read one scene on some cells.

    Args:
        scene: Its files.
        settings: How values become reflectance and which are missing.
        cells: Whole rows of a tile, beginning at a multiple of `ALIGNMENT`.

    Returns:
        Reflectance x 10,000 (4, y, x), 1 to 65,535 where valid, and validity (y, x).

    Raises:
        InputError: A value is no number and not declared as missing.
    """
    strips = [_strip(part, scene.mask, settings, cells) for part in scene.parts]
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
    part: BandFile, mask: BandFile | None, settings: Sentinel2Settings, cells: GeoBox
) -> Strip:
    """Read some bands of a scene: reflectance (band, y, x) and validity (y, x)."""
    raster = raster_at(part.path)
    # A tile is square, so its width says whether strips of it begin on the lattice.
    where = cells_in(raster, cells, lattice=math.gcd(ALIGNMENT, cells.shape[1]))
    pixels = read_around(raster, part.bands, where)
    present = valid_values(pixels.values, (raster.nodata, settings.nodata)).all(axis=0)
    good = present & _good(pixels, mask, settings)
    if raster.dtype.kind == "f":
        everywhere = np.broadcast_to(good, pixels.values.shape)
        check_values(f"sentinel2 {part.path}", pixels.values, everywhere, None)
    if pixels.where.on_centres:
        values = nearest(pixels.values, pixels.where, 1)
        return to_reflectance(values, settings), nearest(good, pixels.where, 0)
    values = bilinear(pixels.values, good[None], pixels.where)
    valid = np.asarray(np.isfinite(values).all(axis=0))
    return to_reflectance(np.where(valid, values, 1), settings), valid


def _good(pixels: Pixels, mask: BandFile | None, settings: Sentinel2Settings) -> NDArray[np.bool_]:
    """Return what the mask says about the pixels of a window, (row, column)."""
    if mask is None or settings.mask is None or not pixels.values.size:
        return np.ones(pixels.values.shape[1:], np.bool_)
    raster = raster_at(mask.path)
    codes = read_around(raster, mask.bands, cells_in(raster, pixels.geobox))
    good = np.isin(codes.values[0], settings.mask.valid)
    return nearest(good, codes.where, 0)


def _matching(root: Path, settings: Sentinel2Settings) -> list[Scene]:
    """Return all scenes whose files match the pattern."""
    head, tail = str(settings.files).split("{date}")
    form = re.compile(re.escape(str(root / head)) + r"([^/]+)" + re.escape(tail) + "$")
    scenes = []
    for path in sorted(root.glob(f"{head}*{tail}")):
        match = form.match(str(path))
        date = _date_or_none(match.group(1), settings.date_format) if match else None
        # A mask beside a scene matches the pattern's star, too, but holds no date of this form.
        if date is not None:
            scenes.append(
                _scene(root, SceneFile(path=str(path.relative_to(root)), date=date), date, settings)
            )
    return scenes


def _listed(root: Path, settings: Sentinel2Settings) -> list[Scene]:
    """Return the scenes that the recipe names."""
    timestamps = _timestamps(root, settings.timestamps) if settings.timestamps else []
    scenes = []
    for file in settings.scenes:
        if file.position is not None and not 0 <= file.position < len(timestamps):
            raise InputError(
                f"sentinel2: scene {file.path!r} has position {file.position}; "
                f"{settings.timestamps!r} holds "
                f"{len(timestamps)} dates, counted from 0"
            )
        date = file.date or timestamps[file.position or 0]
        scenes.append(_scene(root, file, date, settings))
    return scenes


def _scene(root: Path, file: SceneFile, date: datetime.date, settings: Sentinel2Settings) -> Scene:
    mask = None
    if settings.mask is not None:
        stem = str(Path(file.path).with_suffix(""))
        path = file.mask or (settings.mask.pattern or file.path).replace("{stem}", stem)
        band = settings.mask.band if file.mask_band is None else file.mask_band
        mask = BandFile(root / path, (band,))
    return Scene(date, (BandFile(root / file.path, settings.bands),), mask)


def _timestamps(root: Path, name: str) -> list[datetime.date]:
    """Read a JSON list of ISO dates."""
    path = root / name
    try:
        return [
            datetime.datetime.fromisoformat(text).date() for text in json.loads(path.read_text())
        ]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"sentinel2: {str(path)!r} is no JSON list of ISO dates: {error}; expected "
            "['2021-03-21', ...]"
        ) from error


def _date_or_none(text: str, form: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, form).date()
    except ValueError:
        return None
