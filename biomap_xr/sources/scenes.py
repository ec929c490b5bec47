"""Satellite scenes: bands of one place at one day, and the mask that says which pixels count."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file, local_folder
from biomap_xr.sources.raster import describe
from biomap_xr.sources.window import read_window


@dataclass(frozen=True)
class BandSource:
    """One band of one file.

    Attributes:
        path: The file.
        band: Its number from 1, or its name.
        nodata: The value that means missing, instead of what the file states.
        checksum: Of the file, as a catalogue states it.
    """

    path: Path
    band: int | str = 1
    nodata: float | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class MaskRule:
    """Which codes of a mask mean a good pixel.

    Attributes:
        codes: The codes.
        good: Whether they are the good ones (Sentinel-2's scene classes 4, 5, 6) or the bad ones
            (a cloud mask's 1).
    """

    codes: tuple[int, ...]
    good: bool = True

    def valid(self, codes: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Return which pixels are good, in the shape of ``codes``.

        >>> MaskRule((1,), good=False).valid(np.array([0, 1]))
        array([ True, False])
        """
        return np.isin(codes, self.codes, invert=not self.good)


GOOD_IS_ONE = MaskRule((1,))


@dataclass(frozen=True)
class Scene:
    """The bands of one place at one day, from a STAC item or from files.

    Attributes:
        date: The day, UTC.
        bands: Where each band lies, by its name.
        mask: Where the mask lies, None: every observed pixel counts.
        rule: What the mask's codes mean.
    """

    date: date
    bands: Mapping[str, BandSource]
    mask: BandSource | None = None
    rule: MaskRule = GOOD_IS_ONE


@dataclass(frozen=True)
class MaskFiles:
    """Masks beside scenes.

    Attributes:
        pattern: The mask's path in the folder, with ``{date}`` where the scene's has it.
        band: Its number from 1, or its name, where ``{date}`` is allowed: masks of many days may be
            the bands of one file.
        rule: What its codes mean.
        date_format: How the date is written there; None: as in the scene's name.
    """

    pattern: str
    band: int | str = 1
    rule: MaskRule = GOOD_IS_ONE
    date_format: str | None = None


@dataclass(frozen=True)
class SceneReading:
    """One scene on the cells of a grid.

    Attributes:
        values: ``(band, y, x)`` in the files' dtype.
        valid: ``(y, x)``, whether all bands were observed and the mask says good.
    """

    values: NDArray[np.generic]
    valid: NDArray[np.bool_]


def find_scenes(
    folder: str | PathLike[str],
    pattern: str,
    bands: Sequence[str],
    *,
    mask: MaskFiles | None = None,
    date_format: str = "%Y%m%d",
) -> tuple[Scene, ...]:
    """Return the scenes of a folder that a pattern names, by date.

    Args:
        folder: Where the files lie.
        pattern: Path of a scene in it, with ``{date}`` once, and ``{band}`` where each band is a
            file of its own; otherwise the file names its bands.
        bands: Names of the bands.
        mask: Where the masks lie.
        date_format: How the date is written, in the words of strftime.

    Raises:
        InputError: No scene, a band or a mask without a file, or a pattern without a date.

    Where a mask belongs to no scene nothing is said.
    """
    root = local_folder(folder)
    if pattern.count("{date}") != 1:
        raise InputError(f"pattern {pattern!r}; expected {{date}} once, as in 'S2_{{date}}.tif'")
    days = dates_of(root, pattern, date_format)
    if not days:
        raise InputError(
            f"{root} holds no files like {pattern!r} with a date like "
            f"{date(2021, 3, 21).strftime(date_format)}; correct the pattern or the date's format"
        )
    return tuple(
        Scene(
            day,
            {band: band_file(root, pattern.replace("{date}", text), band) for band in bands},
            None if mask is None else mask_file(root, mask, day, text),
            GOOD_IS_ONE if mask is None else mask.rule,
        )
        for day, text in sorted(days.items())
    )


def dates_of(root: Path, pattern: str, date_format: str) -> dict[date, str]:
    """Return the day of every file that a pattern names, and how the file writes it."""
    form = re.escape(pattern).replace(r"\{date\}", r"(?P<date>[^/]+)").replace(r"\{band\}", "[^/]+")
    days = {}
    for path in root.glob(re.sub(r"\{\w+\}", "*", pattern)):
        match = re.fullmatch(form, path.relative_to(root).as_posix())
        if match and (day := parsed_date(match["date"], date_format)):
            days[day] = match["date"]
    return days


def parsed_date(text: str, date_format: str) -> date | None:
    """Return the day that a text means, None where it means none: not every match is a scene."""
    try:
        return datetime.strptime(text, date_format).date()
    except ValueError:
        return None


def band_file(root: Path, pattern: str, band: str) -> BandSource:
    """Return where a band of a scene lies.

    Raises:
        InputError: There is no such file.
    """
    if "{band}" in pattern:
        return BandSource(local_file(root / pattern.replace("{band}", band)))
    return BandSource(local_file(root / pattern), band)


def mask_file(root: Path, mask: MaskFiles, day: date, text: str) -> BandSource:
    """Return where the mask of a scene lies.

    Raises:
        InputError: There is no such file.
    """
    written = day.strftime(mask.date_format) if mask.date_format else text
    band = mask.band.replace("{date}", written) if isinstance(mask.band, str) else mask.band
    return BandSource(local_file(root / mask.pattern.replace("{date}", written)), band)


def in_period(scenes: Sequence[Scene], start: date, end: date) -> tuple[Scene, ...]:
    """Return the scenes of a period, both days included.

    Raises:
        InputError: There is none.
    """
    chosen = tuple(scene for scene in scenes if start <= scene.date <= end)
    if not chosen:
        days = [scene.date.isoformat() for scene in scenes]
        raise InputError(
            f"no scene lies in {start}..{end}; the {len(days)} scenes are of "
            f"{min(days, default='none')}..{max(days, default='none')}: correct the period"
        )
    return chosen


def read_scene(scene: Scene, geobox: GeoBox, bands: Sequence[str]) -> SceneReading:
    """Return a scene's values on the cells of a grid of any CRS, by nearest pixel, untouched.

    Args:
        scene: The scene.
        geobox: The cells ``(y, x)``.
        bands: Names of its bands, in the order of the result.

    Raises:
        InputError: A band is not there, or a file cannot be read.
    """
    missing = [band for band in bands if band not in scene.bands]
    if missing:
        raise InputError(
            f"the scene of {scene.date} has no band {missing}, only {list(scene.bands)}; "
            "correct the names in the recipe"
        )
    parts = [read_band(scene.bands[band], geobox) for band in bands]
    # A pixel of which one band is missing is no observation of a spectrum.
    valid = np.logical_and.reduce([observed for _, observed in parts])
    if scene.mask is not None:
        codes, covered = read_band(scene.mask, geobox)
        valid &= covered & scene.rule.valid(codes)
    return SceneReading(np.stack([values for values, _ in parts]), valid)


def read_band(source: BandSource, geobox: GeoBox) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Return one band's values and where they were observed, both ``(y, x)``.

    Raises:
        InputError: The band is not there, or the file cannot be read.
    """
    raster = describe(source.path, nodata=source.nodata)
    reading = read_window(raster, geobox, [source.band])
    return reading.values[0], reading.valid[0]
