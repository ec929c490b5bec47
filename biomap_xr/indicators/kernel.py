"""All sums of a block of species in one compiled pass over its probabilities, on a CPU.

The formulas of `formulas` read the probabilities once for each sum, and libraries compute log1p one
number at a time. Here each probability is read once, its logarithm is a short series that the
compiler puts into vector registers, and a strip of cells stays in the cache. `formulas` says what
is meant, and GPUs and Dask use it as it is.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from biomap_xr.indicators.declared import NO_SPECIES, STATUS_CODES, STATUSES
from biomap_xr.indicators.formulas import LOG_ZERO

CELLS = 1024
"""Cells of a strip: its 24 sums in float32 stay in a core's own cache."""
SPECIES = 64
"""Species that are added up in float32 before their sum joins the float64 one."""

ONE, TWO = np.float32(1), np.float32(2)
ZERO_LOGARITHM = np.float32(LOG_ZERO)
LN2 = np.float32(np.log(2.0))
ROOT_HALF = np.int32(np.float32(0.5**0.5).view(np.int32))
"""Bits of the smallest mantissa that `_log_absence` takes as it is."""
MANTISSA = np.int32(23)
THIRD, FIFTH, SEVENTH, NINTH = (np.float32(1 / odd) for odd in (3, 5, 7, 9))


class BlockSums(NamedTuple):
    """The sums over a block of species at n cells, as `Sums` holds them."""

    expected: NDArray[np.float64]
    """``(indicator, n)``."""
    variance: NDArray[np.float64]
    """``(indicator, n)``."""
    log_none: NDArray[np.float64]
    """``(indicator, n)``, at most 0."""
    counts: NDArray[np.int32]
    """``(indicator, n)``."""
    most_threatened: NDArray[np.uint8]
    """``(n,)`` codes."""
    status_log_none: NDArray[np.float64]
    """``(status, n)``, at most 0."""


def sum_block(
    members: NDArray[np.bool_],
    probability: NDArray[np.float32],
    present: NDArray[np.bool_],
    status: NDArray[np.uint8],
) -> BlockSums:
    """Sum over all species of a block at once.

    Args:
        members: ``(indicator, species)``.
        probability: ``(species, n)``, 0 to 1.
        present: ``(species, n)``, the thresholded assemblage.
        status: ``(species,)`` codes.

    Returns:
        What `formulas` gives for each, to the rounding of float32.

    >>> one = np.ones((1, 1), bool)
    >>> sums = sum_block(one, np.float32([[0.5]]), one, np.uint8([6]))
    >>> sums.expected, sums.variance, sums.most_threatened, np.exp(sums.log_none).round(6)
    (array([[0.5]]), array([[0.25]]), array([6], dtype=uint8), array([[0.5]]))
    """
    indicators, cells = len(members), probability.shape[1]
    sums = BlockSums(
        expected=np.zeros((indicators, cells)),
        variance=np.zeros((indicators, cells)),
        log_none=np.zeros((indicators, cells)),
        counts=np.zeros((indicators, cells), np.int32),
        most_threatened=np.full(cells, NO_SPECIES, np.uint8),
        status_log_none=np.zeros((len(STATUSES), cells)),
    )
    _sum(np.ascontiguousarray(members.T), probability, present, status, _rows(status), sums)
    return sums


def _rows(status: NDArray[np.uint8]) -> NDArray[np.int64]:
    """``(species,)``: row of each species' status in the cube's order, -1 where none counts it."""
    rows = np.full(256, -1, np.int64)
    for row, name in enumerate(STATUSES):
        rows[STATUS_CODES[name]] = row
    return rows[status]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sum(
    members: Any, probability: Any, present: Any, status: Any, status_row: Any, sums: Any
) -> None:
    """Add the species to the sums, a strip of cells and some species at a time."""
    species, cells = probability.shape
    indicators, statuses = len(sums.counts), len(sums.status_log_none)
    # Rows: means, variances and logarithms of the indicators, then logarithms of the statuses.
    partial = np.empty((3 * indicators + statuses, CELLS), np.float32)
    spread, logarithm = np.empty(CELLS, np.float32), np.empty(CELLS, np.float32)
    for start in range(0, cells, CELLS):
        stop = min(start + CELLS, cells)
        most = sums.most_threatened[start:stop]
        for first in range(0, species, SPECIES):
            partial[:] = 0
            for index in range(first, min(first + SPECIES, species)):
                chance, there = probability[index, start:stop], present[index, start:stop]
                _spread(chance, spread)
                _log_absence(chance, logarithm)
                for row in range(indicators):
                    if members[index, row]:
                        _add(chance, partial[row])
                        _add(spread, partial[indicators + row])
                        _add(logarithm, partial[2 * indicators + row])
                        _add(there, sums.counts[row, start:stop])
                if status_row[index] >= 0:
                    _add(logarithm, partial[3 * indicators + status_row[index]])
                _raise_status(status[index], there, most)
            _join(partial, sums, start, stop)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _join(partial: Any, sums: Any, start: int, stop: int) -> None:
    """Add the float32 sums of a strip to the float64 ones."""
    indicators = len(sums.counts)
    for row in range(indicators):
        _add(partial[row], sums.expected[row, start:stop])
        _add(partial[indicators + row], sums.variance[row, start:stop])
        _add(partial[2 * indicators + row], sums.log_none[row, start:stop])
    for row in range(len(sums.status_log_none)):
        _add(partial[3 * indicators + row], sums.status_log_none[row, start:stop])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _spread(probability: Any, spread: Any) -> None:
    """Write p (1 - p)."""
    for cell in range(len(probability)):
        spread[cell] = probability[cell] * (ONE - probability[cell])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(values: Any, total: Any) -> None:
    """Add values to a total of at most their length, in its type."""
    for cell in range(min(len(values), len(total))):
        total[cell] += values[cell]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _raise_status(code: Any, present: Any, most: Any) -> None:
    """Take the higher status where a species is present."""
    for cell in range(len(present)):
        most[cell] = max(most[cell], code if present[cell] else np.uint8(NO_SPECIES))


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _log_absence(probability: Any, logarithm: Any) -> None:
    """Write log(1 - p), exact to 3e-7 of its value also for the smallest p.

    1 - p is 2^k times a mantissa m from 0.707 to 1.414, and log(m) = 2 artanh((m - 1) / (m + 1)),
    of whose series five terms are enough for float32. For k = 0, m - 1 is -p without any rounding.
    """
    for cell in range(len(probability)):
        p = probability[cell]
        bits = np.float32(ONE - p).view(np.int32)
        exponent = np.int32(np.int32(bits - ROOT_HALF) >> MANTISSA)
        mantissa = np.int32(bits - np.int32(exponent << MANTISSA)).view(np.float32)
        excess = -p if exponent == 0 else mantissa - ONE
        ratio = excess / (TWO + excess)
        square = ratio * ratio
        series = ONE + square * (THIRD + square * (FIFTH + square * (SEVENTH + square * NINTH)))
        value = np.float32(exponent) * LN2 + TWO * ratio * series
        # The second choice keeps NaN.
        logarithm[cell] = ZERO_LOGARITHM if p >= ONE else (value if p < ONE else p)
