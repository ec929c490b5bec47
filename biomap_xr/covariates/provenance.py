"""Which files a group is made from, and a short name for what is in them."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from biomap_xr.covariates.groups import climate_files, landsat_files
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.covariates.scenes import files_of_scene, find_scenes
from biomap_xr.covariates.settings import (
    ClimateSettings,
    CovariateSettings,
    LandsatSettings,
    LayerSettings,
    MaskSettings,
    Sentinel2Settings,
)
from biomap_xr.errors import InputError
from biomap_xr.run import fingerprint_of
from biomap_xr.sources.paths import local_file

KERNEL = 1
"""Raised when the same sources give other values in the cube."""

SAMPLES = 8
SAMPLE_BYTES = 1 << 15


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


def content_of(settings: CovariateSettings, group: str) -> str:
    """Return a fingerprint of a group's settings and of what its files hold.

    Where the files lie does not matter. A file longer than the samples that are taken of it is
    known by its size and those samples.

    Raises:
        InputError: A file is missing.
    """
    # Without the root, so that a moved folder gives the same cube.
    section = getattr(settings, group)
    described: JsonValue = None if section is None else section.model_dump(mode="json")
    contents: JsonValue = [sampled_digest(path) for path in files_of(settings, group)]
    return fingerprint_of({"kernel": KERNEL, "settings": described, "files": contents})


def versions_of(settings: CovariateSettings, group: str) -> list[JsonValue]:
    """Return when each file of a group was changed, in nanoseconds."""
    return [local_file(path).stat().st_mtime_ns for path in files_of(settings, group)]


def sampled_digest(path: Path) -> str:
    """Return a hash of a file's size and of samples from begin to end; of all of a short file.

    Raises:
        InputError: The file is missing or cannot be read.
    """
    try:
        with local_file(path).open("rb") as file:
            size = file.seek(0, 2)
            digest = hashlib.sha256(str(size).encode())
            # The end counts most: a compressed raster that changed anywhere differs there.
            last = max(size - SAMPLE_BYTES, 0)
            starts = sorted({last * index // (SAMPLES - 1) for index in range(SAMPLES)})
            for start in starts:
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}; check its permissions") from error
    return digest.hexdigest()


def layers_of(masks: MaskSettings) -> tuple[LayerSettings, ...]:
    """Return the layers that a masks section names."""
    layers = masks.land, masks.ecoregion, masks.coast, masks.land_cover
    return tuple(layer for layer in layers if layer)
