"""Sentinel-2 image patches of GeoPlant and GeoLifeCLEF: JPEG pairs ``(RGB, NIR)`` and GeoTIFF."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from biomap_xr.errors import InputError
from biomap_xr.sources.geoplant.names import find_file
from biomap_xr.sources.paths import local_folder
from biomap_xr.sources.raster import describe
from biomap_xr.sources.window import read_pixels

BANDS = ("red", "green", "blue", "nir")
JPEG = (".jpeg", ".jpg")
TIFF = (".tiff", ".tif")
JPEG_PIXELS = 128
TIFF_PIXELS = 64
# RGB folders lie at most this far below the data set's own folder in all editions.
DEPTH = 3
# Folders of the nested id rule are no data sets.
LONGEST_NUMBER_FOLDER = 2


class Patches(Protocol):
    """Image patches by the id of their survey."""

    def path(self, survey_id: str) -> Path | None:
        """Return the (first) file of a survey, None where it has no patch."""
        ...

    def read(self, survey_id: str) -> NDArray[np.generic]:
        """Return a survey's patch in shape ``(4, y, x)``: red, green, blue, near infrared."""
        ...


@dataclass(frozen=True)
class JpegPatches:
    """Two folders of JPEGs, 8 bit with gamma 2.5: u8 = 255 (reflectance / 10000)^(1/2.5).

    Attributes:
        rgb: Folder of the red, green and blue images.
        nir: Folder of the near infrared ones.
        pixels: Width and height that every patch must have.
    """

    rgb: Path
    nir: Path
    pixels: int = JPEG_PIXELS

    def path(self, survey_id: str) -> Path | None:
        """Return the RGB file of a survey, None where it has no complete patch."""
        rgb = find_file(self.rgb, survey_id, JPEG)
        return rgb if rgb and find_file(self.nir, survey_id, JPEG) else None

    def read(self, survey_id: str) -> NDArray[np.uint8]:
        """Return a survey's patch in shape ``(4, y, x)``, uint8: red, green, blue, near infrared.

        Raises:
            InputError: No patch, a damaged one, or another size.
        """
        rgb = self.decoded(self.rgb, survey_id, "RGB")
        nir = self.decoded(self.nir, survey_id, "L")
        return np.concatenate([np.moveaxis(rgb, -1, 0), nir[None]])

    def decoded(self, folder: Path, survey_id: str, mode: str) -> NDArray[np.uint8]:
        """Return one image ``(y, x)`` or ``(y, x, 3)``.

        Raises:
            InputError: As `read`.
        """
        path = find_file(folder, survey_id, JPEG)
        if path is None:
            raise InputError(f"{folder} has no patch of survey {survey_id!r}; drop it or fetch it")
        return decode_jpeg(path, mode, self.pixels)


@dataclass(frozen=True)
class TiffPatches:
    """A folder of GeoTIFFs with bands named red, green, blue and nir: int16 reflectance x 10000.

    Attributes:
        root: The folder.
        pixels: Width and height that every patch must have.
    """

    root: Path
    pixels: int = TIFF_PIXELS

    def path(self, survey_id: str) -> Path | None:
        """Return the file of a survey, None where it has no patch."""
        return find_file(self.root, survey_id, TIFF)

    def read(self, survey_id: str) -> NDArray[np.generic]:
        """Return a survey's patch in shape ``(4, y, x)``, int16 as stored, nodata -1 included.

        Raises:
            InputError: No patch, a damaged one, another size, or a band is missing.
        """
        path = self.path(survey_id)
        if path is None:
            raise InputError(
                f"{self.root} has no patch of survey {survey_id!r}; drop it or fetch it"
            )
        raster = describe(path, dtype=np.int16)
        check_size(path, raster.geobox.shape.yx, self.pixels)
        return read_pixels(raster, 0, 0, shape=raster.geobox.shape.yx, bands=BANDS).values


def open_patches(root: str | PathLike[str]) -> Patches:
    """Find the patches below a folder of any edition.

    Sibling folders for RGB and NIR (``rgb`` and ``nir``, ``..._RGB/..._rgb`` and
    ``..._NIR/..._nir``) hold JPEGs; otherwise the folder itself holds GeoTIFFs, nested by id or
    flat.

    Args:
        root: A data set's folder, or the one that holds it.

    Raises:
        InputError: No patches, NIR missing beside RGB, or several data sets.
    """
    folder = local_folder(root)
    # A data set that has JPEGs and GeoTIFFs is read as JPEGs, which are the finer ones.
    rgb = [place for place in data_folders(folder) if "rgb" in place.name.lower()]
    # Of nested folders that both say RGB, the inner one holds the images.
    inner = [place for place in rgb if not any(place in other.parents for other in rgb)]
    if len(inner) > 1:
        raise InputError(
            f"{folder} holds several sets of patches ({[str(p) for p in inner]}); name one of them"
        )
    if inner:
        return JpegPatches(inner[0], nir_beside(inner[0]))
    first = next((path for path in folder.rglob("*") if path.suffix.lower() in TIFF), None)
    if first is None:
        raise InputError(
            f"{folder} holds no patches; expected folders named rgb and nir with JPEGs, or GeoTIFFs"
        )
    return TiffPatches(outside_numbers(first.parent))


def data_folders(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Yield a folder and those below it that are named by words, not by digits of ids."""
    yield folder
    if depth == 0:
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and len(child.name) > LONGEST_NUMBER_FOLDER:
            yield from data_folders(child, depth - 1)


def outside_numbers(folder: Path) -> Path:
    """Return the folder that the nested folders of digits begin in."""
    while folder.name.isdigit() and len(folder.name) <= LONGEST_NUMBER_FOLDER:
        folder = folder.parent
    return folder


def nir_beside(rgb: Path) -> Path:
    """Return the NIR folder that belongs to an RGB one, by their names.

    Raises:
        InputError: There is none.
    """
    parts, tried = rgb.parts, []
    # The innermost name first, then those around it too: some editions rename one, some both.
    for start in range(len(parts) - 1, max(len(parts) - DEPTH, 0), -1):
        names = (*parts[:start], *map(nir_name, parts[start:]))
        candidate = Path(*names)
        if candidate != rgb and candidate.is_dir():
            return candidate
        tried.append(str(candidate))
    raise InputError(f"{rgb} has no NIR images beside it; expected one of {tried}: fetch them")


def nir_name(name: str) -> str:
    """Return a folder's name with NIR instead of RGB.

    >>> nir_name("PA_Train_SatellitePatches_RGB")
    'PA_Train_SatellitePatches_NIR'
    """
    return name.replace("rgb", "nir").replace("RGB", "NIR")


def decode_jpeg(path: Path, mode: str, pixels: int) -> NDArray[np.uint8]:
    """Return an image's values ``(y, x)`` or ``(y, x, channel)``.

    Args:
        path: The file.
        mode: ``RGB`` or ``L`` (grey).
        pixels: The width and height that it must have.

    Raises:
        InputError: Damaged, another size, or other channels.
    """
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            found, values = image.mode, np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError) as e:
        raise InputError(f"{path} cannot be read as JPEG ({e}); fetch it again") from e
    if found != mode:
        raise InputError(f"{path} holds {found} channels; expected {mode}: is it the right folder?")
    check_size(path, values.shape[:2], pixels)
    return values


def check_size(path: Path, shape: tuple[int, ...], pixels: int) -> None:
    """Refuse a patch whose shape ``(y, x)`` is not the expected square.

    Raises:
        InputError: Height or width differ.
    """
    if shape != (pixels, pixels):
        raise InputError(
            f"{path} has {shape[0]} x {shape[1]} pixels; expected {pixels} x {pixels}: "
            "state the size of the data set's patches"
        )
