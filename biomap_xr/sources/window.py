"""Windows of a raster: its own pixels, or its values warped onto the cells of a target grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from biomap_xr.errors import InputError
from biomap_xr.sources.footprint import bounds_in
from biomap_xr.sources.raster import GDAL_OPTIONS, Raster, handle

Method = Literal["nearest", "bilinear", "average"]

# In pixels. GDAL's default of 0.125 makes values depend on where a window starts (seams at tile
# borders); exactly 0 is refused by rasterio's WarpedVRT.
WARP_TOLERANCE = 1e-9
# Source values that one call of the warper may take into memory, some 64 MB.
WARP_PIXELS = 16_000_000
# Share of a pixel by which two grids may differ and still be called the same.
ALIGNED = 1e-6
# Share of a pixel that a corner may lie beyond an edge by rounding alone.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Reading:
    """Values of some bands on one window.

    Attributes:
        values: ``(band, y, x)``; where not valid they hold the file's nodata value, or 0 (NaN for
            floats) where it has none.
        valid: ``(band, y, x)``, whether the value was observed.
    """

    values: NDArray[np.generic]
    valid: NDArray[np.bool_]


def read_window(
    raster: Raster, geobox: GeoBox, bands: Sequence[str | int], resampling: Method = "nearest"
) -> Reading:
    """Return the values of a raster on the cells of a grid of any CRS; outside nothing is valid.

    A window's values do not depend on the window: two neighbours equal one of twice the size.
    Memory is that of the result and a bounded block cache, whatever the size of the file.

    Args:
        raster: The file.
        geobox: The target cells ``(y, x)``.
        bands: Names (or numbers from 1) of the bands to read, in the order of the result.
        resampling: ``nearest`` keeps dtype and values (codes); ``bilinear`` interpolates at the
            cell's centre between four pixels, missing ones left out (continuous variables no finer
            than the grid); ``average`` weighs all pixels under a cell by their area (variables
            finer than the grid). The last two give float32, or float64 for values that float32
            cannot hold.

    Returns:
        Values and validity ``(band, y, x)``.

    Raises:
        InputError: Unknown bands or method, or pixels that cannot be read.
    """
    if resampling not in ("nearest", "bilinear", "average"):
        raise InputError(f"resampling {resampling!r}; expected nearest, bilinear or average")
    offset = aligned_offset(raster.geobox, geobox)
    if offset is not None:
        reading = read_pixels(raster, *offset, shape=geobox.shape.yx, bands=bands)
        return reading if resampling == "nearest" else as_floats(reading)
    warped = warp(raster, geobox, raster.indexes(bands), resampling)
    valid = ~np.isnan(warped)
    return Reading(restore(raster, warped, valid) if resampling == "nearest" else warped, valid)


def read_pixels(
    raster: Raster, row: int, column: int, *, shape: tuple[int, int], bands: Sequence[str | int]
) -> Reading:
    """Return a window of the raster's own pixels, untouched; beyond its edges nothing is valid.

    Args:
        raster: The file.
        row: First row, from the top; may be negative.
        column: First column, from the left; may be negative.
        shape: Number of rows and columns ``(y, x)``.
        bands: Names (or numbers from 1) of the bands to read, in the order of the result.

    Returns:
        Values and validity ``(band, y, x)`` in the raster's dtype.

    Raises:
        InputError: Unknown bands, or pixels that cannot be read.
    """
    indexes = raster.indexes(bands)
    values = np.full((len(indexes), *shape), fill_of(raster), raster.dtype)
    valid = np.zeros(values.shape, bool)
    height, width = raster.geobox.shape
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + shape[0], height), min(column + shape[1], width)
    if top < bottom and left < right:
        inner = np.s_[:, top - row : bottom - row, left - column : right - column]
        pixels = read_block(raster, Window.from_slices((top, bottom), (left, right)), indexes)
        values[inner] = pixels
        valid[inner] = observed(pixels, raster.nodata)
    return Reading(values, valid)


def native_window(
    raster: Raster, geobox: GeoBox, margin: int = 0
) -> tuple[int, int, tuple[int, int]]:
    """Return first row, first column and shape ``(y, x)`` of the pixels that cover a grid.

    Args:
        raster: The file.
        geobox: The cells to cover, in any CRS.
        margin: Pixels more on each side.
    """
    left, bottom, right, top = bounds_in(geobox, str(raster.geobox.crs))
    inverse, (height, width) = ~raster.geobox.affine, raster.geobox.shape.yx
    columns, rows = np.transpose([inverse * (left, top), inverse * (right, bottom)])
    # Infinite where the raster's CRS does not reach all cells: then any of its pixels may count.
    first = np.floor([rows.min() + ROUNDING, columns.min() + ROUNDING])
    last = np.ceil([rows.max() - ROUNDING, columns.max() - ROUNDING])
    first = np.where(np.isfinite(first), first, 0).astype(int) - margin
    last = np.where(np.isfinite(last), last, (height, width)).astype(int) + margin
    return int(first[0]), int(first[1]), (int(last[0] - first[0]), int(last[1] - first[1]))


def observed(values: NDArray[np.generic], nodata: float | None) -> NDArray[np.bool_]:
    """Return which values are neither the nodata value nor NaN, in the shape of ``values``.

    >>> observed(np.array([0, 7, 255], np.uint8), 255.0)
    array([ True,  True, False])
    """
    there = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    if nodata is not None and not np.isnan(nodata):
        there &= values != values.dtype.type(nodata)
    return there


def aligned_offset(source: GeoBox, target: GeoBox) -> tuple[int, int] | None:
    """Return the target's first row and column among the source's pixels; None: other grids."""
    if source.crs != target.crs:
        return None
    step = ~source.affine * target.affine
    same_size = np.allclose(
        (step.a, step.b, step.d, step.e), (1, 0, 0, 1), rtol=0, atol=ALIGNED / max(target.shape)
    )
    row, column = round(step.f), round(step.c)
    return (
        (row, column)
        if same_size and max(abs(step.f - row), abs(step.c - column)) < ALIGNED
        else None
    )


def read_block(raster: Raster, window: Window, indexes: list[int]) -> NDArray[np.generic]:
    """Return the stored pixels ``(band, y, x)`` of a window that lies inside the file.

    Raises:
        InputError: A block of the file is damaged.
    """
    try:
        with rasterio.Env(**GDAL_OPTIONS):
            return handle(raster).read(indexes, window=window)
    except RasterioError as e:
        raise unreadable(raster, e) from e


def warp(
    raster: Raster, geobox: GeoBox, indexes: list[int], resampling: Method
) -> NDArray[np.floating]:
    """Return values ``(band, y, x)`` on a grid through GDAL's warper, NaN where not observed.

    GDAL takes all pixels under a window into memory, so a window far coarser than its source is
    halved until they are few.

    Raises:
        InputError: A block of the file is damaged.
    """
    rows, columns = geobox.shape.yx
    needed = pixels_under(raster, geobox)
    if needed == 0:
        return np.full((len(indexes), rows, columns), np.nan, float_type(raster))
    if needed <= WARP_PIXELS or rows == columns == 1:
        return warp_block(raster, geobox, indexes, resampling)
    axis, middle = (1, rows // 2) if rows >= columns else (2, columns // 2)
    halves = np.s_[:middle], np.s_[middle:]
    boxes = [geobox[half] if axis == 1 else geobox[:, half] for half in halves]
    return np.concatenate([warp(raster, box, indexes, resampling) for box in boxes], axis)


def pixels_under(raster: Raster, geobox: GeoBox) -> int:
    """Return how many values of the raster lie in the window that covers a grid, all bands."""
    row, column, (height, width) = native_window(raster, geobox, margin=2)
    last_row, last_column = np.minimum((row + height, column + width), raster.geobox.shape.yx)
    return max(last_row - max(row, 0), 0) * max(last_column - max(column, 0), 0) * raster.count


def warp_block(
    raster: Raster, geobox: GeoBox, indexes: list[int], resampling: Method
) -> NDArray[np.floating]:
    """Return values ``(band, y, x)`` of a block whose pixels fit into memory.

    Raises:
        InputError: A block of the file is damaged.
    """
    try:
        with (
            rasterio.Env(**GDAL_OPTIONS),
            warped(raster, geobox, resampling) as view,
        ):
            return view.read(indexes)
    except RasterioError as e:
        raise unreadable(raster, e) from e


def float_type(raster: Raster) -> str:
    """Return the smallest float type that holds the raster's values exactly and NaN beside them.

    float32 holds integers of 16 bits, float64 those of 32.
    """
    return np.result_type(raster.dtype, np.float32).name


def warped(raster: Raster, geobox: GeoBox, resampling: Method) -> WarpedVRT:
    """Return a file's ``(band, y, x)`` on a grid, unread, as floats with NaN where missing."""
    return WarpedVRT(
        handle(raster),
        src_crs=str(raster.geobox.crs),
        crs=str(geobox.crs),
        transform=geobox.affine,
        width=geobox.shape.x,
        height=geobox.shape.y,
        resampling=Resampling[resampling],
        src_nodata=raster.nodata,
        nodata=np.nan,
        init_dest_nodata=True,
        dtype=float_type(raster),
        tolerance=WARP_TOLERANCE,
        # GDAL would guess the ratio of resolutions anew for each window, which leaves seams.
        XSCALE=1,
        YSCALE=1,
    )


def restore(
    raster: Raster, warped: NDArray[np.floating], valid: NDArray[np.bool_]
) -> NDArray[np.generic]:
    """Return warped values ``(band, y, x)`` in the raster's own dtype, its fill where not valid."""
    return np.where(valid, warped, fill_of(raster)).astype(raster.dtype)


def as_floats(reading: Reading) -> Reading:
    """Return the same ``(band, y, x)`` as floats that hold its values, NaN where not valid."""
    wide = np.result_type(reading.values.dtype, np.float32)
    return Reading(np.where(reading.valid, reading.values, np.nan).astype(wide), reading.valid)


def fill_of(raster: Raster) -> float:
    """Return what stands where nothing was observed: nodata, else NaN for floats and 0."""
    if raster.nodata is not None:
        return raster.nodata
    return np.nan if raster.dtype.kind == "f" else 0


def unreadable(raster: Raster, error: RasterioError) -> InputError:
    """Say which file could not be read and why."""
    return InputError(
        f"{raster.path}: pixels cannot be read ({error}); the file is damaged: fetch it again"
    )
