"""Layers of a cube read down to the size of a picture, never all of their cells at once."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import ODCExtensionDa

from biomap_xr.errors import InputError

SAMPLES = 3
"""Cells read along each side of a pixel that stands for more of them."""
METRES_PER_KM = 1000.0


@dataclass(frozen=True)
class Frame:
    """Where a picture lies."""

    extent: tuple[float, float, float, float]
    """Left, right, bottom, top in units of the axes."""
    unit: str
    """Of the axes: ``km``, or ``°`` in a geographic CRS."""
    crs: str
    """As the axes name it, such as ``EPSG:3035``."""
    cell: str
    """A cell of the map in words, such as ``50 m cell``."""


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture's worth of a layer."""

    values: NDArray[Any]
    """``(rows, columns)``, north up."""
    valid: NDArray[np.bool_]
    """``(rows, columns)``; False is drawn as nodata."""
    frame: Frame

    def masked(self) -> NDArray[np.float64]:
        """Return the values ``(rows, columns)`` as floats, NaN where not valid."""
        return np.where(self.valid, self.values.astype(np.float64), np.nan)


def thin(
    layer: xr.DataArray,
    valid: xr.DataArray | None = None,
    *,
    longest: int,
    codes: bool = False,
    nodata: int | None = None,
) -> Raster:
    """Read a layer ``(y, x)`` with at most ``longest`` pixels along its longer side.

    A larger layer is read in strides, so that memory depends on the picture alone.

    Args:
        layer: numbers or codes on a regular grid with a CRS.
        valid: where the layer holds, not 0 ``(y, x)``; where it is finite, if left out.
        longest: pixels along the longer side.
        codes: take one cell for a pixel, for codes have no mean; else the mean of valid samples.
        nodata: value of cells that do not hold, where there is no layer that says so.

    Raises:
        InputError: where the layer has other dims than y and x, or no CRS.
    """
    if layer.dims != ("y", "x"):
        raise InputError(
            f"a map layer has dims {layer.dims}; expected ('y', 'x'): "
            "select one species or one indicator first"
        )
    size = max(layer.shape)
    step = max(1, ceil(size / (longest if codes else longest * SAMPLES)))
    values = _strided(layer, step)
    known = np.isfinite(values) if valid is None else _strided(valid, step) != 0
    if nodata is not None:
        known &= values != nodata
    # What the strides have left beyond the picture's size is averaged.
    merged = max(1, ceil(ceil(size / step) / longest))
    if merged > 1:
        values, known = mean_of_valid(values, known, merged)
    return Raster(values, known, _frame(layer, step * merged, values.shape))


def _strided(layer: xr.DataArray, step: int) -> NDArray[Any]:
    # From the middle of a pixel, so that the picture is not shifted by half of one.
    every = slice(min(step // 2, min(layer.shape) - 1), None, step)
    return layer.isel(y=every, x=every).to_numpy()


def mean_of_valid(
    values: NDArray[Any], valid: NDArray[np.bool_], size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Average squares of ``size`` x ``size`` over their valid cells ``(rows, columns)``.

    A square is valid where at least half of its cells are; the last ones may be incomplete.

    >>> means, valid = mean_of_valid(np.array([[1.0, 3.0], [5.0, 9.0]]), np.ones((2, 2), bool), 2)
    >>> means
    array([[4.5]])
    """
    rows, columns = (-length % size for length in values.shape)
    margin = ((0, rows), (0, columns))
    known = np.pad(valid, margin)
    # Invalid cells may hold NaN; they enter the sum as zero and are not counted.
    counted = np.where(known, np.pad(values.astype(np.float64), margin), 0.0)
    squares = (known.shape[0] // size, size, known.shape[1] // size, size)
    total = counted.reshape(squares).sum(axis=(1, 3))
    count = known.reshape(squares).sum(axis=(1, 3))
    there = np.pad(np.ones(values.shape, bool), margin).reshape(squares).sum(axis=(1, 3))
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0), 2 * count >= there


def _frame(layer: xr.DataArray, cells: int, shape: tuple[int, ...]) -> Frame:
    """Place pixels of ``cells`` x ``cells`` cells; the last may reach beyond the map."""
    geobox = ODCExtensionDa(layer).geobox
    if not isinstance(geobox, GeoBox) or geobox.crs is None:
        raise InputError(
            f"layer {layer.name!r} has the geobox {geobox!r}; expected a regular grid with a CRS: "
            "open the cube with open_cube, which keeps it"
        )
    projected = bool(geobox.crs.projected)
    scale = METRES_PER_KM if projected else 1.0
    box, side = geobox.boundingbox, abs(geobox.resolution.x)
    right = box.left + shape[1] * cells * side
    bottom = box.top - shape[0] * cells * abs(geobox.resolution.y)
    extent = (box.left / scale, right / scale, bottom / scale, box.top / scale)
    unit, name = ("km", f"{side:g} m") if projected else ("°", f"{side:g}°")
    code = f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else "the map's own CRS"
    return Frame(extent, unit, code, f"{name} cell")
