"""Patches and cubes of single surveys, in the files that GeoPlant publishes."""

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.crs import CRS

from biomap_xr.grid import Extent, Points
from biomap_xr.virtual import climate, landsat, sentinel2
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.rasters import geobox_of, pixels_of

JPEG_SIDE, TIFF_SIDE = 128, 64
"""Pixels along a patch's side."""
QUALITY = 95
GAMMA = 2.5
"""GeoPlant's JPEG bytes are 255 * (reflectance / 10000) ** (1 / 2.5)."""
# GeoPlant's TIFF patches carry the parameters of EPSG:3035 without its name.
LAEA = "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80 +units=m +no_defs"


def write_patches(world: World, folder: Path, survey_id: NDArray[np.int64], points: Points) -> None:
    """Write images and cubes of surveys at points ``(n,)`` below ``folder``.

    Images are medians of the scenes around the survey; they reach beyond the map where it is near
    the edge.
    """
    # Cubes of all surveys at once: a date's field is evaluated once.
    write_cubes(world, folder, survey_id, points)
    extent = world.settings.grid_settings().extent
    for index, identity in enumerate(survey_id):
        here = Points(points.x[index : index + 1], points.y[index : index + 1])
        write_images(world, folder / "SatelliteData", int(identity), here, extent)


def write_images(world: World, folder: Path, survey: int, point: Points, extent: Extent) -> None:
    """Write one survey's images: JPEG of 128 x 128 pixels, TIFF of 64 x 64."""
    geobox = geobox_of(extent, world.settings.sentinel2_resolution)
    top, left = (_first_pixel(geobox, point, JPEG_SIDE, axis) for axis in ("y", "x"))
    pixels = pixels_of(geobox, slice(top, top + JPEG_SIDE), slice(left, left + JPEG_SIDE))
    values = sentinel2.composite_at(world, pixels)
    jpeg = folder / "Sentinel2Patches-jpeg"
    gamma = gamma_coded(values)
    for kind, image in (("rgb", gamma[:3].transpose(1, 2, 0)), ("nir", gamma[3])):
        root = jpeg / f"PA_Train_SatellitePatches_{kind.upper()}" / f"pa_train_patches_{kind}"
        path = nested(root, survey, "jpeg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image)).save(path, quality=QUALITY)
    cut = (JPEG_SIDE - TIFF_SIDE) // 2
    inner = values[:, cut : cut + TIFF_SIDE, cut : cut + TIFF_SIDE]
    path = nested(folder / "Sentinel2Patches-tiff" / "PA-train", survey, "tiff")
    size = world.settings.sentinel2_resolution
    west, north = pixels.x[cut] - size / 2, pixels.y[cut] + size / 2
    _write_tiff(path, inner, rasterio.Affine(size, 0, west, 0, -size, north))


def write_cubes(world: World, folder: Path, survey_id: NDArray[np.int64], points: Points) -> None:
    """Write Landsat (6, 4, 21) and climate (4, 19, 12) cubes with the published strides.

    Missing values are NaN. Storage is ``(band, year, quarter)`` and ``(year, month, variable)``.
    """
    quarters = _floats(landsat.series_at(world, points), landsat.NODATA)
    months = _floats(climate.series_at(world, points), climate.NODATA)
    root = folder / "TimeSeries"
    for index, identity in enumerate(survey_id):
        by_year = np.ascontiguousarray(quarters[index].transpose(0, 2, 1))
        by_month = np.ascontiguousarray(months[index].transpose(1, 2, 0))
        _save(root / "Landsat", int(identity), by_year, (0, 2, 1))
        _save(root / "Bioclim", int(identity), by_month, (2, 0, 1))


def gamma_coded(reflectance: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return the bytes of GeoPlant's JPEGs of reflectance times 10,000, in its shape.

    >>> gamma_coded(np.array([0, 2500, 20_000], np.uint16)).tolist()
    [0, 146, 255]
    """
    share = np.clip(reflectance / 10_000, 0, 1)
    return (255 * share ** (1 / GAMMA)).astype(np.uint8)


def nested(root: Path, survey: int, ending: str) -> Path:
    """Return the path of a survey's patch in GeoPlant's nested folders.

    >>> nested(Path("rgb"), 1322301, "jpeg").as_posix()
    'rgb/01/23/1322301.jpeg'
    """
    digits = str(survey)
    return root / digits[-2:] / digits[-4:-2] / f"{survey}.{ending}"


def _first_pixel(geobox: GeoBox, point: Points, side: int, axis: str) -> int:
    """Return the first row or column of the window: the rounded place minus half the side."""
    column, row = geobox.wld2pix(float(point.x[0]), float(point.y[0]))
    return int(np.floor((column if axis == "x" else row) + 0.5)) - side // 2


def _write_tiff(path: Path, values: NDArray[np.uint16], affine: rasterio.Affine) -> None:
    """Write (4, 64, 64) reflectance as GeoPlant's 2025 edition has it, -1 for no data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = np.where(values == sentinel2.NODATA, -1, values.astype(np.int32)).astype(np.int16)
    with rasterio.open(
        path, "w", driver="GTiff", width=TIFF_SIDE, height=TIFF_SIDE, count=4, dtype="int16",
        nodata=-1, crs=CRS.from_proj4(LAEA), transform=affine, interleave="pixel", compress="lzw",
        blockysize=16,
    ) as file:  # fmt: skip
        file.write(coded)
        file.descriptions = sentinel2.BANDS


def _floats(values: NDArray[np.integer], nodata: int) -> NDArray[np.float32]:
    return np.where(values == nodata, np.float32(np.nan), values).astype(np.float32)


def _save(
    folder: Path, survey: int, stored: NDArray[np.float32], order: tuple[int, int, int]
) -> None:
    """Save a cube whose dimensions are those of what is stored, in another order."""
    # Takes seconds, and a recipe's settings alone write nothing.
    import torch  # noqa: PLC0415

    path = folder / "cubes" / f"{survey}_cube.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(torch.from_numpy(stored).permute(order), path)
