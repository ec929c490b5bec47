"""Where the cells of a grid lie in a source: exact for each cell, whatever window is worked on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo import CRS
from odc.geo.geobox import GeoBox

from biomap_xr.errors import InputError

DECIMALS = 6
"""Positions are rounded to a millionth of a pixel, so that a centre on an edge has one side."""

OUTSIDE = -1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Positions:
    """Places in a source, in pixels from its corner (a pixel's centre is at .5).

    Both arrays broadcast to ``(y, x)``: with equal CRS they are ``(y, 1)`` and ``(1, x)``,
    otherwise full.
    """

    rows: Floats
    columns: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns of places."""
        y, x = np.broadcast_shapes(self.rows.shape, self.columns.shape)
        return y, x

    @property
    def separable(self) -> bool:
        """Whether rows depend on y alone and columns on x alone."""
        return self.rows.shape[1] == 1 and self.columns.shape[0] == 1

    @property
    def on_centres(self) -> bool:
        """Whether all lie exactly on centres of pixels, so that nothing needs resampling."""
        return self.separable and all(
            bool((each % 1 == 0.5).all()) for each in (self.rows, self.columns)
        )

    def shifted(self, rows: int, columns: int) -> "Positions":
        """Count from another pixel: that of a window which starts at ``(rows, columns)``."""
        return Positions(self.rows - rows, self.columns - columns)


def positions(cells: GeoBox, source: GeoBox, *, subsamples: int = 1, lattice: int = 1) -> Positions:
    """Return where the centres of cells lie in a source.

    Args:
        cells: The cells, axis-aligned.
        source: The source's pixels, axis-aligned.
        subsamples: Points along the side of each cell instead of its centre alone.
        lattice: With another CRS, only every so many-th edge of the cells is projected and the
            rest lies on lines between (error below 0.001 pixels for 500 m). A window must begin on
            this lattice to give the same as the whole.

    Returns:
        Positions in the shape (y * subsamples, x * subsamples).

    Raises:
        InputError: One of the two has no CRS.

    >>> cells = GeoBox.from_bbox((0, 0, 90, 90), "EPSG:3035", resolution=45)
    >>> source = GeoBox.from_bbox((0, 0, 90, 90), "EPSG:3035", resolution=30)
    >>> positions(cells, source).columns
    array([[0.75, 2.25]])
    """
    if crs_of(cells) == crs_of(source):
        x, y = _axes(cells, subsamples)
        rows, columns = _pixels(source, x[None, :], y[:, None])
    elif lattice == 1:
        rows, columns = _project(cells, source, *np.meshgrid(*_axes(cells, subsamples)))
    else:
        rows, columns = _project_lattice(cells, source, lattice)
    # Where a projection ends it gives infinity, which is outside like any other.
    rows, columns = (np.where(np.isfinite(each), each, OUTSIDE) for each in (rows, columns))
    return Positions(np.round(rows, DECIMALS), np.round(columns, DECIMALS))


def subsamples_for(cells: GeoBox, source: GeoBox) -> int:
    """Return how many points along a cell's side meet each of a finer source's pixels.

    It is 1 for a coarser source, and measured at the middle of ``cells``, which should be the whole
    grid, so that all of its tiles agree.
    """
    # Nearly the same anywhere on a map; the middle is farthest from distortion.
    x, y = _axes(cells[cells.shape[0] // 2 :, cells.shape[1] // 2 :], 1)
    step = cells.affine.a, cells.affine.e
    corner = np.array([x[0], x[0] + step[0], x[0]]), np.array([y[0], y[0], y[0] + step[1]])
    rows, columns = _project(cells, source, *corner)
    pixels = np.hypot(rows[1:] - rows[0], columns[1:] - columns[0]).max()
    # A hundredth less, so that a ratio of 3.0001 is 3.
    return max(int(np.ceil(pixels - 0.01)), 1)


def crs_of(box: GeoBox) -> CRS:
    """Return the CRS of pixels.

    Raises:
        InputError: They have none.
    """
    if box.crs is None:
        raise InputError(f"{box} has no CRS; expected one, such as EPSG:3035: state it")
    return box.crs


def _axes(cells: GeoBox, subsamples: int) -> tuple[Floats, Floats]:
    """Return x of all columns and y of all rows of points."""
    affine, (height, width) = cells.affine, cells.shape
    along = [(np.arange(size * subsamples) + 0.5) / subsamples for size in (width, height)]
    return affine.a * along[0] + affine.c, affine.e * along[1] + affine.f


def _pixels(source: GeoBox, x: Any, y: Any) -> tuple[Floats, Floats]:
    """Return rows and columns of coordinates in the source's CRS."""
    affine = source.affine
    return (y - affine.f) / affine.e, (x - affine.c) / affine.a


def _project(cells: GeoBox, source: GeoBox, x: Any, y: Any) -> tuple[Floats, Floats]:
    """Return rows and columns of coordinates in the cells' CRS."""
    if crs_of(cells) != crs_of(source):
        x, y = crs_of(cells).transformer_to_crs(crs_of(source), always_xy=True)(x, y)
    return _pixels(source, np.asarray(x, np.float64), np.asarray(y, np.float64))


def _project_lattice(cells: GeoBox, source: GeoBox, step: int) -> tuple[Floats, Floats]:
    """Project every ``step``-th edge of the cells and interpolate at all centres between."""
    affine, (height, width) = cells.affine, cells.shape
    # One edge more than cells, so that the last cells lie between two.
    across, down = (np.arange(-(-size // step) + 1) * float(step) for size in (width, height))
    edges = np.meshgrid(affine.a * across + affine.c, affine.e * down + affine.f)
    rows, columns = (
        _between(_between(values, height, step).T, width, step).T
        for values in _project(cells, source, *edges)
    )
    return rows, columns


def _between(values: Floats, size: int, step: int) -> Floats:
    """Interpolate (edge, ...) linearly at ``size`` centres, ``step`` of them between two edges."""
    place = (np.arange(size) + 0.5) / step
    whole = np.floor(place).astype(np.int64)
    part = (place - whole)[:, None]
    return values[whole] * (1 - part) + values[whole + 1] * part
