"""Nearest land: a cell whose centre lies in water is moved to it (paper 1, section 4)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True)
class NearestLand:
    """Where each cell of a window ``(y, x)`` takes its prediction from."""

    row: NDArray[np.int32]
    """Row of the source cell in the window; the cell's own row on land and where no land is
    near."""
    column: NDArray[np.int32]
    """Column of the source cell."""
    distance: NDArray[np.float32]
    """Distance between the two centres in cells; 0 on land, infinite where no land is near."""


def nearest_land(land: NDArray[np.bool_], max_cells: float) -> NearestLand:
    """Find the nearest land cell of every cell of ``land`` ``(y, x)``, at most ``max_cells`` away.

    Of several at the same distance the northernmost, then the westernmost is taken, so that the
    answer for a cell does not depend on the window around it as long as that reaches ``max_cells``
    further.

    >>> nearest_land(np.array([[True, False, False, False]]), 2).distance
    array([[ 0.,  1.,  2., inf]], dtype=float32)
    """
    row, column = np.indices(land.shape).astype(np.int32)[:]
    if land.all():
        return NearestLand(row, column, np.zeros(land.shape, np.float32))
    if not land.any():
        return NearestLand(row, column, np.full(land.shape, np.inf, np.float32))
    squared = np.rint(distance_transform_edt(~land) ** 2).astype(np.int64)
    near = squared <= max_cells**2
    _point_to_land(land, np.where(near, squared, 0), row, column)
    return NearestLand(row, column, np.where(near, np.sqrt(squared), np.inf).astype(np.float32))


def _point_to_land(
    land: NDArray[np.bool_],
    squared: NDArray[np.int64],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
) -> None:
    """Write each moved cell's source into ``row`` and ``column`` ``(y, x)``."""
    height, width = land.shape
    reach = int(np.sqrt(squared.max(initial=0)))
    pending = {int(d): np.argwhere(squared == d) for d in np.unique(squared) if d}
    offsets = np.arange(-reach, reach + 1)
    # All offsets of one length in the order of the rule: north first, then west.
    for dy in offsets:
        for dx in offsets:
            places = pending.get(int(dy * dy + dx * dx))
            if places is None or not len(places):
                continue
            y, x = places[:, 0] + dy, places[:, 1] + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            hit = inside.copy()
            hit[inside] = land[y[inside], x[inside]]
            at_y, at_x = places[hit].T
            row[at_y, at_x], column[at_y, at_x] = y[hit], x[hit]
            pending[int(dy * dy + dx * dx)] = places[~hit]
