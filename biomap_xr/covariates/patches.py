"""The inputs of a model from the published files of a survey instead of the cube."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.groups import CLIMATE_FILL, LANDSAT_FILL
from biomap_xr.errors import InputError
from biomap_xr.settings import Settings
from biomap_xr.sources.geoplant.patches import open_patches
from biomap_xr.sources.geoplant.tensors import open_cubes
from biomap_xr.sources.geoplant.timeseries import find_series, read_series

Read = Callable[[str], NDArray[Any]]


class PatchSettings(Settings):
    """Folders of the files of surveys; only the modalities that are given can be read."""

    root: Path = Path()
    """Folder that the others are relative to."""
    sentinel2: str | None = None
    """Image patches: JPEG pairs of RGB and NIR, or GeoTIFF."""
    landsat: str | None = None
    """Cubes (``.pt``) or time series (CSV, one a band)."""
    climate: str | None = None
    """Cubes (``.pt``)."""
    missing: Literal["error", "fill"] = "error"
    """What becomes of a survey without a file of a modality."""


def inputs_from_patches(
    settings: PatchSettings, survey_ids: Sequence[str], modalities: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Read the raw inputs of a model for surveys.

    Args:
        settings: Where the files are.
        survey_ids: One a row of the result.
        modalities: Some of ``sentinel2``, ``landsat``, ``climate``.

    Returns:
        The arrays of `biomap_xr.covariates.inputs.cut_inputs`: ``landsat`` (n, 6, 4, 21) uint8 and
        ``climate`` (n, 4, 19, 12) uint16. ``sentinel2`` is (n, 4, N, N): from JPEG uint8 with the
        patches' gamma (`encode_gamma8`), from GeoTIFF uint16 reflectance x 10,000.

    Raises:
        InputError: A modality has no folder, or a survey no file.

    >>> inputs_from_patches(PatchSettings(), [], ["predictors"])
    Traceback (most recent call last):
    biomap_xr.errors.InputError: no patches of 'predictors'; expected some of ('sentinel2', \
'landsat', 'climate') with a folder of its own: state it, or leave the modality out
    """
    return {name: _stack(settings, name, survey_ids) for name in modalities}


def whole_numbers(
    values: NDArray[np.floating], fill: int, dtype: type[np.integer[Any]]
) -> NDArray[Any]:
    """Return floats as the cube's integers, ``fill`` where NaN.

    Args:
        values: Any shape, below ``fill``.
        fill: The missing value.
        dtype: Of the result.

    Raises:
        InputError: A value lies outside of 0 to ``fill`` - 1.

    >>> whole_numbers(np.array([3.2, np.nan]), 255, np.uint8).tolist()
    [3, 255]
    """
    rounded = np.rint(values)
    wrong = (rounded < 0) | (rounded >= fill)
    if wrong.any():
        raise InputError(
            f"value {values[wrong][0]} lies outside of 0 to {fill - 1}; is it the cube of another "
            "modality, or in another unit?"
        )
    return np.where(np.isnan(values), fill, rounded).astype(dtype)


def _stack(settings: PatchSettings, name: str, survey_ids: Sequence[str]) -> NDArray[Any]:
    """Return the input of one modality at all surveys."""
    folder = getattr(settings, name) if name in READERS else None
    if folder is None:
        raise InputError(
            f"no patches of {name!r}; expected some of {tuple(READERS)} with a folder of its own: "
            "state it, or leave the modality out"
        )
    read, fill = READERS[name](settings.root / folder, survey_ids)
    found = [_read_or_none(read, each, settings, name) for each in survey_ids]
    there = [values for values in found if values is not None]
    if not there:
        raise InputError(
            f"none of {len(survey_ids)} surveys has a file of {name} in {settings.root / folder}; "
            f"the first is {list(survey_ids)[:1]}: are these its surveys?"
        )
    # Surveys may lack a file of one modality and have those of the others.
    empty = np.full_like(there[0], fill)
    return np.stack([empty if values is None else values for values in found])


def _read_or_none(
    read: Read, survey_id: str, settings: PatchSettings, name: str
) -> NDArray[Any] | None:
    try:
        return read(survey_id)
    except KeyError:
        if settings.missing == "fill":
            return None
        raise InputError(
            f"survey {survey_id!r} has no file of {name} in {getattr(settings, name)}; drop the "
            "survey, or set missing to 'fill'"
        ) from None


def _images(folder: Path, _: Sequence[str]) -> tuple[Read, int]:
    patches = open_patches(folder)

    def read(survey_id: str) -> NDArray[Any]:
        """Return one patch, `(band, y, x)`."""
        if patches.path(survey_id) is None:
            raise KeyError(survey_id)
        values = patches.read(survey_id)
        # GeoTIFF patches are signed with -1 for missing, which is 0 in the cube.
        return values if values.dtype == np.uint8 else np.maximum(values, 0).astype(np.uint16)

    return read, 0


def _landsat(folder: Path, survey_ids: Sequence[str]) -> tuple[Read, int]:
    # Time series are tables, cubes are files of one survey: no folder holds both.
    if any(folder.glob("*.csv")):
        series = read_series(find_series(folder), survey_ids)
        rows = dict(zip(series.ids, series.values, strict=True))
        return rows.__getitem__, LANDSAT_FILL
    return _cubes(folder, "landsat", LANDSAT_FILL, np.uint8), LANDSAT_FILL


def _climate(folder: Path, _: Sequence[str]) -> tuple[Read, int]:
    return _cubes(folder, "climate", CLIMATE_FILL, np.uint16), CLIMATE_FILL


def _cubes(folder: Path, modality: str, fill: int, dtype: type[np.integer[Any]]) -> Read:
    cubes = open_cubes(folder, modality)

    def read(survey_id: str) -> NDArray[Any]:
        """Return one cube in the shape of the published ones."""
        if survey_id not in cubes.paths:
            raise KeyError(survey_id)
        return whole_numbers(cubes.read(survey_id), fill, dtype)

    return read


READERS: dict[str, Callable[[Path, Sequence[str]], tuple[Read, int]]] = {
    "sentinel2": _images,
    "landsat": _landsat,
    "climate": _climate,
}
