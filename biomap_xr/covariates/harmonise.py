"""Bringing a source's pixels to the cells of a grid: pure functions on arrays and positions.

Every value depends on the place of its cell and on the source alone, never on the window that is
worked on: positions are exact per cell (GDAL's warper interpolates them and adapts its kernel to
the window), so harmonising a tile equals harmonising the whole and cutting it. A missing pixel
never takes part in a value: as in GDAL, a cell is valid where the pixel that its centre lies in is,
and the weights of missing neighbours go to the others.
"""

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.positions import Positions
from biomap_xr.errors import InputError


def nearest(values: NDArray[Any], where: Positions, fill: float) -> NDArray[Any]:
    """Take the pixel that each position lies in, for codes and for sampling at cell centres.

    Args:
        values: (..., row, column).
        where: Positions in ``values``.
        fill: Value outside of them.

    Returns:
        (..., y, x) in the dtype of ``values`` and the shape of ``where``.

    >>> where = Positions(np.array([[0.5], [1.5]]), np.array([[1.2, 7.0]]))
    >>> nearest(np.array([[1, 2], [3, 4]]), where, 0).tolist()
    [[2, 0], [4, 0]]
    """
    height, width = values.shape[-2:]
    rows, columns = (np.floor(each).astype(np.int64) for each in (where.rows, where.columns))
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    # A window beside its source has no pixel to clip to.
    if not values.size:
        return np.full((*values.shape[:-2], *where.shape), fill, values.dtype)
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    # Two one-dimensional takes are several times faster than a broadcast index.
    if where.separable:
        taken = values.take(rows[:, 0], axis=-2).take(columns[0], axis=-1)
    else:
        taken = values[..., rows, columns]
    if not inside.all():
        taken[..., ~inside] = fill
    return taken


def bilinear(
    values: NDArray[Any], valid: NDArray[np.bool_], where: Positions
) -> NDArray[np.float64]:
    """Interpolate between the four pixels around each position, for continuous variables.

    Args:
        values: ``(band, row, column)``.
        valid: The same shape, or ``(1, row, column)`` for all bands.
        where: Positions in ``values``.

    Returns:
        ``(band, y, x)``, NaN where the pixel of the position is missing or outside.
    """
    rows, columns = (
        np.ascontiguousarray(np.broadcast_to(each, where.shape))
        for each in (where.rows, where.columns)
    )
    out = np.full((values.shape[0], *where.shape), np.nan)
    _bilinear(values.astype(np.float64), valid, rows, columns, out)
    return out


def cell_means(values: NDArray[np.float64], subsamples: int) -> NDArray[np.float64]:
    """Average the points of each cell that are not NaN.

    Args:
        values: (..., y * subsamples, x * subsamples).
        subsamples: Points along the side of a cell.

    Returns:
        (..., y, x) in the shape of the cells, NaN where all are.
    """
    if subsamples == 1:
        return values
    height, width = (size // subsamples for size in values.shape[-2:])
    blocks = values.reshape(*values.shape[:-2], height, subsamples, width, subsamples)
    present = ~np.isnan(blocks)
    count = present.sum(axis=(-3, -1))
    total = np.where(present, blocks, 0).sum(axis=(-3, -1))
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def proportions(
    codes: NDArray[Any],
    valid: NDArray[np.bool_],
    classes: Mapping[str, tuple[int, ...]],
    subsamples: int,
) -> NDArray[np.float64]:
    """Return the share of each class among the valid points of each cell.

    Args:
        codes: (y * subsamples, x * subsamples) at the points of the cells.
        valid: The same shape.
        classes: The codes of each class.
        subsamples: Points along the side of a cell.

    Returns:
        ``(class, y, x)``, which sum to 1 over classes; NaN where no point is valid.

    Raises:
        InputError: A code is in no class.

    >>> codes = np.array([[1, 1], [2, 9]])
    >>> proportions(codes, codes != 9, {"forest": (1,), "meadow": (2, 3)}, 2).round(2).tolist()
    [[[0.67]], [[0.33]]]
    """
    # A code that nobody counted would make shares that do not sum to 1.
    unknown = np.setdiff1d(codes[valid], [code for group in classes.values() for code in group])
    if unknown.size:
        raise InputError(
            f"codes {unknown[:5].tolist()} are in none of the classes {dict(classes)}; add them "
            "to one, or declare them as nodata"
        )
    points = np.stack([np.isin(codes, group) for group in classes.values()]).astype(np.float64)
    # A missing point counts neither for a class nor in the total.
    points[:, ~valid] = np.nan
    return cell_means(points, subsamples)


def valid_values(values: NDArray[Any], nodata: tuple[float | None, ...]) -> NDArray[np.bool_]:
    """Say which values are not one of the declared missing ones, in the shape of ``values``.

    >>> valid_values(np.array([1.0, np.nan, -9.0]), (-9, None)).tolist()
    [True, True, False]
    """
    valid = np.ones(values.shape, np.bool_)
    for missing in nodata:
        if missing is not None:
            valid &= ~np.isnan(values) if np.isnan(missing) else values != missing
    return valid


def check_values(
    name: str,
    values: NDArray[Any],
    valid: NDArray[np.bool_],
    valid_range: tuple[float, float] | None,
) -> None:
    """Make sure that all valid values are numbers within their range.

    Raises:
        InputError: A value is NaN or infinite without being declared as missing, or out of range.
    """
    # Infinity is never a value; NaN only where nobody declared it as missing.
    finite = np.isfinite(values) | ~valid
    if not finite.all():
        raise InputError(
            f"{name}: {values[~finite].flat[0]} at {_place_of(~finite)} is no number and not "
            "declared as nodata; declare it, or repair the file"
        )
    if valid_range is None:
        return
    low, high = valid_range
    wrong = valid & ((values < low) | (values > high))
    if wrong.any():
        raise InputError(
            f"{name}: value {values[wrong].flat[0]} at {_place_of(wrong)} lies outside the valid "
            f"range {low:g} to {high:g} ({wrong.sum()} such values); check the unit and the "
            "nodata value"
        )


def _place_of(mask: NDArray[np.bool_]) -> str:
    *_, row, column = np.argwhere(mask)[0]
    return f"row {row}, column {column} of the window"


@numba.njit(cache=True, nogil=True)
def _bilinear(
    values: NDArray[np.float64],
    valid: NDArray[np.bool_],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write values at positions into ``out`` ``(band, y, x)``, nothing where they are missing."""
    bands, height, width = values.shape
    own_mask = valid.shape[0] > 1
    for y, x in np.ndindex(rows.shape):
        row, column = rows[y, x], columns[y, x]
        if not (0 <= row < height and 0 <= column < width):
            continue
        for band in range(bands):
            mask = valid[band if own_mask else 0]
            if mask[int(row), int(column)]:
                out[band, y, x] = _between(values[band], mask, row, column)


@numba.njit(cache=True, nogil=True)
def _between(values: NDArray[np.float64], valid: NDArray[np.bool_], row: Any, column: Any) -> float:
    """Return the weighted mean of the valid pixels around a position, of ``(row, column)``."""
    height, width = values.shape
    top, left = int(np.floor(row - 0.5)), int(np.floor(column - 0.5))
    down, right = row - 0.5 - top, column - 0.5 - left
    total, weight = 0.0, 0.0
    for i, j in np.ndindex((2, 2)):
        r, c = top + i, left + j
        if 0 <= r < height and 0 <= c < width and valid[r, c]:
            share = (down if i else 1 - down) * (right if j else 1 - right)
            total += share * values[r, c]
            weight += share
    # The pixel of the position is valid and has a quarter of the weight at least.
    return total / weight
