"""The inputs of a model from the published files of a survey instead of the cube.

Several editions of the published data may be read together. Each has folders, names and image
sizes of its own, and numbers its surveys anew: a survey must be found in one edition alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.reflectance import encode_gamma8
from biomap_xr.covariates.settings import CLIMATE_FILL, LANDSAT_FILL, PatchSettings
from biomap_xr.errors import InputError
from biomap_xr.run import fingerprint_of
from biomap_xr.run.contents import UNKEPT, Contents
from biomap_xr.sources.geoplant.patches import open_patches
from biomap_xr.sources.geoplant.tensors import open_cubes
from biomap_xr.sources.geoplant.timeseries import find_series, read_series

if TYPE_CHECKING:
    from pydantic import JsonValue

FILLS = {"sentinel2": 0, "landsat": LANDSAT_FILL, "climate": CLIMATE_FILL}
"""The missing value of each modality that has files."""


class PatchInputs(NamedTuple):
    """What was read for n surveys, k of them kept."""

    kept: NDArray[np.bool_]
    """Which surveys have a file, ``(n,)``."""
    inputs: dict[str, NDArray[Any]]
    """By modality, (k, ...)."""


class Reader(NamedTuple):
    """The files of one modality in one edition."""

    has: Callable[[str], bool]
    read: Callable[[str], NDArray[Any]]


@dataclass(frozen=True)
class Files:
    """The files of one modality in all editions."""

    modality: str
    folders: tuple[Path, ...]
    readers: tuple[Reader, ...]
    """One a folder."""

    def there(self, survey_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Say which surveys have a file, ``(n,)``."""
        return np.array([any(r.has(each) for r in self.readers) for each in survey_ids], bool)

    def read(self, survey_id: str) -> NDArray[Any] | None:
        """Return a survey's values without their site, None where it has no file.

        Raises:
            InputError: Several editions have one: their numbers do not mean the same survey.
        """
        found = [i for i, reader in enumerate(self.readers) if reader.has(survey_id)]
        if len(found) > 1:
            folders = [str(self.folders[i]) for i in found]
            raise InputError(
                f"survey {survey_id!r} has files of {self.modality} in {folders}; editions number "
                "their surveys anew, expected it in one: give each edition a recipe of its own"
            )
        return self.readers[found[0]].read(survey_id) if found else None


def read_patches(settings: PatchSettings, ids: Mapping[str, Sequence[str]]) -> PatchInputs:
    """Read the raw inputs of a model for n surveys.

    Args:
        settings: Where the files are.
        ids: By modality (some of ``sentinel2``, ``landsat``, ``climate``), the name of each
            survey's file: n names, in the same order.

    Returns:
        The arrays of `biomap_xr.covariates.inputs.cut_inputs` for the k surveys that are kept:
        ``landsat`` ``(k, 6, 4, 21)`` uint8 and ``climate`` ``(k, 4, 19, 12)`` uint16. ``sentinel2``
        is ``(k, 4, N, N)``: from JPEG uint8 with the patches' gamma (`encode_gamma8`), from GeoTIFF
        uint16 reflectance x 10,000; from both together uint8 with gamma, which both can be brought
        to.

    Raises:
        InputError: A modality has no folder, a survey no file or several, or images differ in size.

    >>> read_patches(PatchSettings(editions=({},)), {"predictors": []})
    Traceback (most recent call last):
    biomap_xr.errors.InputError: no patches of 'predictors'; expected some of ('sentinel2', \
'landsat', 'climate') with a folder in some edition: state it, or leave the modality out
    """
    files = {name: _open(settings, name, names) for name, names in ids.items()}
    there = np.stack([files[name].there(names) for name, names in ids.items()])
    kept = np.asarray(there.any(axis=0), bool)
    if settings.without == "error" and not kept.all():
        lost = next(iter(ids.values()))[int(np.argmin(kept))]
        raise InputError(
            f"{int((~kept).sum())} of {len(kept)} surveys have no file at all, first {lost!r}; "
            "expected one of some modality: are these its surveys? If so, set without to 'drop'"
        )
    chosen = {name: list(compress(names, kept)) for name, names in ids.items()}
    return PatchInputs(
        kept, {name: _stack(files[name], names, settings) for name, names in chosen.items()}
    )


def content_of_patches(settings: PatchSettings, contents: Contents = UNKEPT) -> str:
    """Return a fingerprint of the files that the settings name: their paths and contents.

    Args:
        settings: The folders.
        contents: Keeps the hashes of files; by default all are hashed.

    Raises:
        InputError: A file cannot be read.
    """
    files: list[JsonValue] = []
    for edition in settings.editions:
        folders = (edition.sentinel2, edition.landsat, edition.climate)
        for folder in (edition.root / each for each in folders if each is not None):
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            names = [path.relative_to(folder).as_posix() for path in paths]
            files += [list(each) for each in zip(names, contents.names(paths), strict=True)]
    return fingerprint_of({"files": files})


def middle(image: NDArray[Any], window: int | None) -> NDArray[Any]:
    """Cut the middle out of an image.

    Args:
        image: ``(4, y, x)``.
        window: Pixels along the side of the cut; None: the image as it is.

    Returns:
        ``(4, window, window)``. The point of the survey stays at pixel N // 2 of N, where the
        windows of the cube have it.

    Raises:
        InputError: The image is smaller than the window.

    >>> middle(np.arange(16).reshape(1, 4, 4), 2).tolist()
    [[[5, 6], [9, 10]]]
    """
    if window is None:
        return image
    height, width = image.shape[-2:]
    if min(height, width) < window:
        raise InputError(
            f"an image has {height} x {width} pixels, fewer than the window of {window}; lower "
            "patches.window to the smallest image of all editions"
        )
    top, left = height // 2 - window // 2, width // 2 - window // 2
    return image[..., top : top + window, left : left + window]


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


def _open(settings: PatchSettings, name: str, survey_ids: Sequence[str]) -> Files:
    """Find the files of a modality in every edition that has a folder of it."""
    folders = [
        edition.root / getattr(edition, name)
        for edition in settings.editions
        if name in FILLS and getattr(edition, name) is not None
    ]
    if not folders:
        raise InputError(
            f"no patches of {name!r}; expected some of {tuple(FILLS)} with a folder in some "
            "edition: state it, or leave the modality out"
        )
    readers = tuple(READERS[name](folder, survey_ids) for folder in folders)
    return Files(name, tuple(folders), readers)


def _stack(files: Files, survey_ids: Sequence[str], settings: PatchSettings) -> NDArray[Any]:
    """Return the input of one modality at all surveys, (k, ...)."""
    found = [_read_or_none(files, each, settings) for each in survey_ids]
    if files.modality == "sentinel2":
        found = _alike(found, settings.window)
    example = next((values for values in found if values is not None), None)
    if example is None:
        raise InputError(
            f"none of {len(survey_ids)} surveys has a file of {files.modality} in "
            f"{[str(folder) for folder in files.folders]}; the first is {list(survey_ids)[:1]}: "
            "are these its surveys?"
        )
    # Surveys may lack a file of one modality and have those of the others.
    empty = np.full_like(example, FILLS[files.modality])
    return np.stack([empty if values is None else values for values in found])


def _read_or_none(files: Files, survey_id: str, settings: PatchSettings) -> NDArray[Any] | None:
    values = files.read(survey_id)
    if values is None and settings.missing == "error":
        raise InputError(
            f"survey {survey_id!r} has no file of {files.modality} in "
            f"{[str(folder) for folder in files.folders]}; drop the survey, or set missing to "
            "'fill'"
        )
    return values


def _alike(images: Sequence[NDArray[Any] | None], window: int | None) -> list[NDArray[Any] | None]:
    """Bring images ``(4, y, x)`` of several editions to one size and one type."""
    cut = [None if image is None else middle(image, window) for image in images]
    sizes = {image.shape[-2:] for image in cut if image is not None}
    if len(sizes) > 1:
        raise InputError(
            f"images of {sorted(sizes)} pixels cannot be read together; expected one size: set "
            "patches.window to the smallest, whose middle is taken of all"
        )
    types = {image.dtype for image in cut if image is not None}
    if len(types) <= 1:
        return cut
    # 8 bits cannot be made 16 again, so the finer ones take the scale of the coarser.
    return [
        image if image is None or image.dtype == np.uint8 else encode_gamma8(image) for image in cut
    ]


def _images(folder: Path, _: Sequence[str]) -> Reader:
    patches = open_patches(folder)

    def read(survey_id: str) -> NDArray[Any]:
        """Return one patch, ``(band, y, x)``."""
        values = patches.read(survey_id)
        # GeoTIFF patches are signed with -1 for missing, which is 0 in the cube.
        return values if values.dtype == np.uint8 else np.maximum(values, 0).astype(np.uint16)

    return Reader(lambda survey_id: patches.path(survey_id) is not None, read)


def _landsat(folder: Path, survey_ids: Sequence[str]) -> Reader:
    # Time series are tables, cubes are files of one survey: no folder holds both.
    if any(folder.glob("*.csv")):
        series = read_series(find_series(folder), survey_ids)
        rows = dict(zip(series.ids, series.values, strict=True))
        return Reader(rows.__contains__, rows.__getitem__)
    return _cubes(folder, "landsat", np.uint8)


def _climate(folder: Path, _: Sequence[str]) -> Reader:
    return _cubes(folder, "climate", np.uint16)


def _cubes(folder: Path, modality: str, dtype: type[np.integer[Any]]) -> Reader:
    cubes = open_cubes(folder, modality)

    def read(survey_id: str) -> NDArray[Any]:
        """Return one cube in the shape of the published ones."""
        return whole_numbers(cubes.read(survey_id), FILLS[modality], dtype)

    return Reader(cubes.paths.__contains__, read)


READERS: dict[str, Callable[[Path, Sequence[str]], Reader]] = {
    "sentinel2": _images,
    "landsat": _landsat,
    "climate": _climate,
}
