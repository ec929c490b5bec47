"""Which files each group of the covariates is made from, in the order in which they are read."""

import datetime
import json
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

from odc.geo.geobox import GeoBox

from biomap_xr import sources as readers
from biomap_xr.covariates.settings import (
    ClimateSettings,
    LandsatSettings,
    SceneFile,
    Sentinel2Settings,
    year_range,
)
from biomap_xr.errors import InputError
from biomap_xr.sources import scenes as files
from biomap_xr.sources.raster import describe
from biomap_xr.sources.scenes import BandSource, MaskFiles, MaskRule, Scene

QUARTERS = (1, 2, 3, 4)
MONTHS = range(1, 13)


def landsat_files(root: Path, settings: LandsatSettings) -> Iterator[tuple[int, int, Path]]:
    """Yield the place of the quarter, the place of the year, and the file, by year and quarter."""
    for place, year in enumerate(year_range(settings.years)):
        for quarter in QUARTERS:
            # Files count quarters from one, arrays from zero.
            yield quarter - 1, place, root / settings.files.format(year=year, quarter=quarter)


def climate_files(
    root: Path, settings: ClimateSettings
) -> Iterator[tuple[int, int, slice, Path, tuple[int, ...]]]:
    """Yield the places of variable, year and months, the file and its bands."""
    for index, variable in enumerate(settings.variables):
        for place, year in enumerate(year_range(settings.years)):
            name = partial(settings.files.format, variable=variable, year=year)
            if not settings.monthly:
                yield index, place, slice(0, 12), root / name(), tuple(MONTHS)
                continue
            for month in MONTHS:
                yield index, place, slice(month - 1, month), root / name(month=month), (1,)


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
