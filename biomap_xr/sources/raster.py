"""GeoTIFF and COG files: what they hold, found by band name, opened once a thread."""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import DTypeLike
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.io import DatasetReader

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file

# One driver and no side files, so that a name in a recipe cannot make GDAL look elsewhere; a small
# block cache and one thread, since the workers are the parallel ones.
GDAL_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": 128,
}
OPEN_FILES = 64
DESCRIPTIONS_KEPT = 4096
NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True)
class Raster:
    """What one GeoTIFF holds; the pixels stay in the file.

    Attributes:
        path: The file.
        geobox: CRS, affine and shape ``(y, x)`` of its pixels.
        dtype: Type of the values of all bands.
        bands: Names in the file's order, or empty where several bands carry no names.
        nodata: The value that means missing, NaN included; None: every pixel counts.
        count: Number of bands.
        version: Time, size and number of the file when it was described, so that a changed file is
            opened anew.
    """

    path: Path
    geobox: GeoBox
    dtype: np.dtype
    bands: tuple[str, ...]
    nodata: float | None
    count: int
    version: tuple[int, int, int]

    def indexes(self, bands: Sequence[str | int]) -> list[int]:
        """Return the numbers (from 1) of bands by name; a number stands for itself.

        Raises:
            InputError: A band is not there or there twice, or the bands have no names.
        """
        return [band if isinstance(band, int) else self.index(band) for band in self.there(bands)]

    def there(self, bands: Sequence[str | int]) -> Sequence[str | int]:
        """Return the bands as they are, if the file has them.

        Raises:
            InputError: As `indexes`.
        """
        if not self.bands and any(isinstance(band, str) for band in bands):
            raise InputError(
                f"{self.path}: the bands have no names, expected {list(bands)}; "
                "state the names of all bands in the file's order in the recipe (`bands`)"
            )
        unclear = [band for band in bands if self.times(band) != 1]
        if unclear:
            raise InputError(
                f"{self.path}: expected one band of each name {list(bands)}, but {unclear} occur "
                f"{[self.times(band) for band in unclear]} times in its {self.count} bands "
                f"{list(self.bands)}: correct the names in the recipe"
            )
        return bands

    def times(self, band: str | int) -> int:
        """Return how many bands a name or number means."""
        return int(1 <= band <= self.count) if isinstance(band, int) else self.bands.count(band)

    def index(self, band: str) -> int:
        """Return the number (from 1) of a band that is there."""
        return self.bands.index(band) + 1


def describe(
    path: str | PathLike[str],
    *,
    bands: Sequence[str] | None = None,
    nodata: float | None = None,
    crs: str | None = None,
    dtype: DTypeLike | None = None,
) -> Raster:
    """Read what a GeoTIFF holds, without reading a pixel, and check it against what is expected.

    Args:
        path: The file.
        bands: Names of all its bands in its order, for a file that does not name them itself. A
            single band without a name takes the file's name.
        nodata: The value that means missing, instead of the one that the file states.
        crs: The CRS, for a file that states none.
        dtype: The type that the values must have.

    Raises:
        InputError: Missing, unreadable or hostile file; no CRS; no georeference; another dtype;
            names that do not fit.
    """
    file = local_file(path)
    named = None if bands is None else tuple(bands)
    wanted = None if dtype is None else np.dtype(dtype).name
    return described(file, file_version(file), named, nodata, crs, wanted)


@lru_cache(maxsize=DESCRIPTIONS_KEPT)
def described(
    path: Path,
    version: tuple[int, int, int],
    bands: tuple[str, ...] | None,
    nodata: float | None,
    crs: str | None,
    dtype: str | None,
) -> Raster:
    """Describe one version of a file, see `describe`; the same question is not asked twice.

    Raises:
        InputError: As `describe`.
    """
    with rasterio.Env(**GDAL_OPTIONS), warnings.catch_warnings():
        # The missing georeference is our own error below, with what to do about it.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_geotiff(path) as dataset:
            found = np.dtype(check_dtype(path, dataset.dtypes[0], dtype))
            return Raster(
                path=path,
                geobox=geobox_of(path, dataset, crs),
                dtype=found,
                bands=band_names(path, dataset.descriptions, bands),
                nodata=check_nodata(path, dataset.nodata if nodata is None else nodata, found),
                count=dataset.count,
                version=version,
            )


def open_geotiff(path: Path) -> DatasetReader:
    """Open a file with the GeoTIFF driver and no other.

    Raises:
        InputError: The file is no readable GeoTIFF.
    """
    try:
        # A shared handle would meet another thread's; each thread has its own (`handle`).
        return rasterio.open(path, driver="GTiff", sharing=False)
    except RasterioIOError as e:
        raise InputError(
            f"{path} cannot be read as a GeoTIFF ({e}); convert or copy it again"
        ) from e


def geobox_of(path: Path, dataset: DatasetReader, crs: str | None) -> GeoBox:
    """Return the pixels' geometry, ``(y, x)`` north up or down but not rotated.

    Raises:
        InputError: No CRS and none stated, no georeference, or a rotated grid.
    """
    if dataset.crs is None and crs is None:
        raise InputError(
            f"{path} has no CRS; expected one, such as EPSG:3035: state `crs` in the recipe"
        )
    if dataset.transform.is_identity:
        raise InputError(
            f"{path} has no georeference; expected an affine transform: write one with gdal_edit"
        )
    stated = crs or crs_text(dataset.crs)
    geobox = GeoBox((dataset.height, dataset.width), dataset.transform, stated)
    if not geobox.axis_aligned:
        raise InputError(
            f"{path} is rotated ({tuple(dataset.transform)[:6]}); "
            "expected rows along x: warp it first"
        )
    return geobox


def crs_text(crs: CRS) -> str:
    """Return a CRS as its EPSG code where that is certain, else as WKT.

    >>> crs_text(CRS.from_string("EPSG:3035"))
    'EPSG:3035'
    """
    # A likely match may be another datum, metres away.
    code = crs.to_epsg(confidence_threshold=100)
    return crs.to_wkt() if code is None else f"EPSG:{code}"


def check_dtype(path: Path, found: str, expected: str | None) -> str:
    """Return the dtype's name where it is a number that we read and the one expected.

    Raises:
        InputError: Complex or 64-bit integers, or not the expected type.
    """
    if found not in NUMBERS:
        raise InputError(f"{path} holds {found}; expected one of {', '.join(NUMBERS)}: convert it")
    if expected not in (None, found):
        raise InputError(
            f"{path} holds {found}; expected {expected}: convert it or correct the recipe"
        )
    return found


def check_nodata(path: Path, nodata: float | None, dtype: np.dtype) -> float | None:
    """Return the nodata value as the dtype holds it: 3.4e38 differs in float32 and float64.

    Raises:
        InputError: The value cannot occur among values of the dtype.
    """
    # Files state nodata in decimals; compared in float64 no float32 pixel would equal it.
    if nodata is None or dtype.kind == "f":
        return None if nodata is None else float(dtype.type(nodata))
    limits = np.iinfo(dtype)
    if not (limits.min <= nodata <= limits.max and float(nodata).is_integer()):
        raise InputError(
            f"{path}: nodata {nodata} cannot occur in {dtype} ({limits.min}..{limits.max}); "
            "correct `nodata`"
        )
    return float(nodata)


def band_names(
    path: Path, descriptions: Sequence[str | None], stated: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the name of every band in the file's order, or nothing where they cannot be known.

    Raises:
        InputError: The stated names do not fit the file.

    >>> band_names(Path("b4.tif"), [None], None)
    ('b4',)
    """
    own = [text or "" for text in descriptions]
    if stated is not None:
        check_stated(path, own, list(stated))
        names = tuple(stated)
    elif all(own):
        names = tuple(own)
    else:
        names = (path.stem,) if len(own) == 1 else ()
    return names


def check_stated(path: Path, own: list[str], stated: list[str]) -> None:
    """Hold the names of a recipe against a file's.

    Raises:
        InputError: Another number of names, or the same names in another order.
    """
    if len(stated) != len(own):
        raise InputError(
            f"{path} has {len(own)} bands, {len(stated)} names are stated ({stated}): "
            "name every band"
        )
    # Other names may translate the file's own; the same names moved about are a mistake.
    if own != stated and set(own) == set(stated):
        raise InputError(
            f"{path} orders its bands {own}; {stated} are stated: "
            "drop `bands` or use the file's order"
        )


def file_version(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is replaced: its time of change, size and number."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def check_unchanged(raster: Raster) -> None:
    """Refuse a file that is no longer the one that was described.

    Raises:
        InputError: It was replaced or is gone.
    """
    if file_version(local_file(raster.path)) != raster.version:
        raise InputError(
            f"{raster.path} changed since it was described as {raster.geobox.shape.yx} pixels of "
            f"{raster.dtype}; leave the inputs alone while a run reads them, and start it again"
        )


class Handles(threading.local):
    """Open files of one thread, the latest used last; GDAL handles must not cross threads."""

    def __init__(self) -> None:
        self.files: OrderedDict[tuple[Path, tuple[int, int, int]], DatasetReader] = OrderedDict()

    def get(self, raster: Raster) -> DatasetReader:
        """Return the thread's open handle of a raster; beyond a limit the longest unused closes."""
        key = raster.path, raster.version
        if key not in self.files:
            check_unchanged(raster)
            self.files[key] = open_geotiff(raster.path)
        self.files.move_to_end(key)
        while len(self.files) > OPEN_FILES:
            self.files.popitem(last=False)[1].close()
        return self.files[key]


HANDLES = Handles()


def handle(raster: Raster) -> DatasetReader:
    """Return this thread's open handle of a raster; it stays open for the next window.

    Raises:
        InputError: The file went away or changed into something else.
    """
    return HANDLES.get(raster)
