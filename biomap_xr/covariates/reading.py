"""Windows of raster files around cells: described once, read by index, resampled by `harmonise`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from biomap_xr.covariates.harmonise import bilinear, nearest
from biomap_xr.covariates.positions import Positions, positions
from biomap_xr.sources.raster import Raster
from biomap_xr.sources.window import read_block

Band = int | str
"""A band by number (from 1) or by its description."""


@dataclass(frozen=True)
class Pixels:
    """A window of a raster around some cells, with where the cells lie in it."""

    values: NDArray[Any]
    """``(band, row, column)`` as stored."""
    where: Positions
    """Of the cells, in this window."""
    geobox: GeoBox
    """Of the window."""


@dataclass(frozen=True)
class Places:
    """Where some cells lie in rasters; many files of one series share their pixels."""

    cells: GeoBox
    known: dict[GeoBox, Positions] = field(default_factory=dict)

    def of(self, raster: Raster) -> Positions:
        """Return where the cells lie in a raster, found once for all rasters of one grid."""
        if raster.geobox not in self.known:
            self.known[raster.geobox] = cells_in(raster, self.cells)
        return self.known[raster.geobox]


def cells_in(raster: Raster, cells: GeoBox, *, subsamples: int = 1, lattice: int = 1) -> Positions:
    """Return where cells lie in a raster, see `positions`."""
    return positions(cells, raster.geobox, subsamples=subsamples, lattice=lattice)


def read_around(raster: Raster, bands: tuple[Band, ...], where: Positions) -> Pixels:
    """Read the smallest window that holds all positions and their neighbours.

    Args:
        raster: The file.
        bands: Which of its bands, in this order.
        where: Positions in the whole raster.

    Returns:
        The window; without a pixel where the positions miss the raster.

    Raises:
        InputError: A band is not there.
    """
    height, width = raster.geobox.shape
    rows, columns = _span(where.rows, height), _span(where.columns, width)
    numbers = raster.indexes(bands)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        rows = columns = slice(0, 0)
        values = np.empty((len(numbers), 0, 0), raster.dtype)
    else:
        values = read_block(raster, Window.from_slices(rows, columns), numbers)
    # A mask may lie on another grid; it is asked at the centres of this window's pixels.
    box = GeoBox(values.shape[1:], raster.geobox.affine * _shift(rows, columns), raster.geobox.crs)
    return Pixels(values, where.shifted(rows.start, columns.start), box)


def interpolated(pixels: Pixels, valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return values at the cells, bilinear, ``(band, y, x)``, NaN where missing.

    Args:
        pixels: A window.
        valid: (band or 1, row, column) of it.
    """
    if not pixels.where.on_centres:
        return bilinear(pixels.values, valid, pixels.where)
    values = np.where(valid, pixels.values, np.nan).astype(np.float64)
    return nearest(values, pixels.where, np.nan)


def _span(where: NDArray[np.float64], size: int) -> slice:
    """Return the pixels from one before the first position to one after the last."""
    first, last = int(np.floor(where.min())), int(np.floor(where.max()))
    return slice(max(first - 1, 0), min(last + 2, size))


def _shift(rows: slice, columns: slice) -> Affine:
    return Affine.translation(columns.start, rows.start)
