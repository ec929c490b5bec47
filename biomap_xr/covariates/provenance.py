"""Which files a group is made from, and a short name for what is in them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomap_xr.covariates.files import climate_files, files_of_scene, find_scenes, landsat_files
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.covariates.settings import (
    ClimateSettings,
    CovariateSettings,
    LandsatSettings,
    LayerSettings,
    MaskSettings,
    Sentinel2Settings,
)
from biomap_xr.run import fingerprint_of
from biomap_xr.run.contents import UNKEPT, Contents
from biomap_xr.sources.paths import local_file

if TYPE_CHECKING:
    from pydantic import JsonValue

KERNEL = 1
"""Raised when the same sources give other values in the cube."""


def files_of(settings: CovariateSettings, group: str) -> tuple[Path, ...]:
    """Return all files of a group, each once, in a fixed order.

    Raises:
        InputError: Satellite scenes cannot be found.
    """
    section = getattr(settings, group)
    if section is None:
        return ()
    return tuple(dict.fromkeys(_FILES[group](settings.root, section)))


def _of_sentinel2(root: Path, settings: Sentinel2Settings) -> Iterator[Path]:
    for scene in find_scenes(root, settings):
        yield from (path for path, _ in files_of_scene(scene, settings.bands))


def scene_contents(root: Path, settings: Sentinel2Settings, contents: Contents) -> list[str]:
    """Name what is in the files of satellite scenes, without reading one of them.

    Where a catalogue states a checksum or an ETag, that is the name.

    Args:
        root: Folder of the paths.
        settings: Where the scenes are.
        contents: Of files; those without a checksum are known by size and times until they are
            read.

    Raises:
        InputError: Scenes cannot be found.
    """
    stated: dict[Path, str | None] = {}
    for scene in find_scenes(root, settings):
        stated |= {path: bands[0].checksum for path, bands in files_of_scene(scene, settings.bands)}
    rest = [path for path, checksum in stated.items() if checksum is None]
    found = dict(zip(rest, contents.names(rest, later=True), strict=True))
    return [checksum or found[path] for path, checksum in stated.items()]


def _of_landsat(root: Path, settings: LandsatSettings) -> Iterator[Path]:
    yield from (path for *_, path in landsat_files(root, settings))


def _of_climate(root: Path, settings: ClimateSettings) -> Iterator[Path]:
    yield from (path for *_, path, _ in climate_files(root, settings))


def _of_predictors(root: Path, settings: PredictorsSettings) -> Iterator[Path]:
    for variable in settings.variables:
        yield from (root / path for path in variable.paths)


def _of_masks(root: Path, settings: MaskSettings) -> Iterator[Path]:
    yield from (root / layer.path for layer in layers_of(settings))


_FILES: dict[str, Callable[[Path, Any], Iterator[Path]]] = {
    "sentinel2": _of_sentinel2,
    "landsat": _of_landsat,
    "climate": _of_climate,
    "predictors": _of_predictors,
    "masks": _of_masks,
}


def content_of(settings: CovariateSettings, group: str, contents: Contents = UNKEPT) -> str:
    """Return a fingerprint of a group's settings and of what its files hold.

    Where the files lie, and when they were last touched, does not matter.

    Args:
        settings: The sources.
        group: Name of the group.
        contents: Keeps the hashes of files; by default all are hashed.

    Raises:
        InputError: A file is missing.
    """
    # Without the root, so that a moved folder gives the same cube.
    section = getattr(settings, group)
    described: JsonValue = None if section is None else section.model_dump(mode="json")
    if isinstance(section, Sentinel2Settings):
        names = scene_contents(settings.root, section, contents)
    else:
        names = contents.names(local_file(path) for path in files_of(settings, group))
    return fingerprint_of({"kernel": KERNEL, "settings": described, "files": list(names)})


def layers_of(masks: MaskSettings) -> tuple[LayerSettings, ...]:
    """Return the layers that a masks section names."""
    layers = masks.land, masks.ecoregion, masks.coast, masks.land_cover
    return tuple(layer for layer in layers if layer)
