"""Step 3, the land-cover filter: the likeliest classes among those that land cover allows.

Paper 2, "Step 3: Land cover filtering rules": probabilities of a formation, times a mask by the
crosswalk, rescaled in each cell by themselves; the three largest are its habitats, with what they
are rescaled to as confidence. The published code divided by the sum over the whole map instead.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.cube import NO_PERCENT, RANKS
from biomap_xr.habitats.eunis import NO_HABITAT, number_of
from biomap_xr.habitats.rules.lookup import places_of
from biomap_xr.habitats.rules.regional import pad_columns


@dataclass(frozen=True, eq=False)
class Ranked:
    """The likeliest habitats of each cell, the first one first."""

    habitat: NDArray[np.uint16]
    """``(rank, ...)`` numbers as on the map, 65535 where fewer are left."""
    confidence: NDArray[np.uint8]
    """``(rank, ...)`` percent 0 to 100, 255 where there is no habitat."""


@dataclass(frozen=True, eq=False)
class CoverTable:
    """Which land cover allows the classes of one model."""

    codes: tuple[str, ...]
    """``(class,)`` of the model."""
    covers: NDArray[np.int64]
    """``(cover,)`` codes on the map."""
    allowed: NDArray[np.bool_]
    """``(class, cover)``."""
    missing: frozenset[int]
    """Codes of cells without land cover, where no class is allowed."""

    @property
    def numbers(self) -> NDArray[np.uint16]:
        """``(class,)`` on the map."""
        return np.array([number_of(code) for code in self.codes], np.uint16)

    @property
    def padded(self) -> NDArray[np.bool_]:
        """``(class, cover + 1)``: the last column is for cells without land cover."""
        return pad_columns(self.allowed)


def top_habitats(probability: NDArray[Any], land_cover: NDArray[Any], table: CoverTable) -> Ranked:
    """Rank the three likeliest classes of each cell that its land cover allows, in one pass.

    Of equal classes the earlier one of the model is first; a class of probability 0 is none.

    Args:
        probability: ``(class, ...)`` from 0 in any scale; NaN, or 255 of uint8, where unknown.
        land_cover: (...) codes at the same cells.
        table: Of the same classes.

    Raises:
        InputError: Shapes differ, or a code of land cover is unknown.
    """
    expected = (len(table.codes), *land_cover.shape)
    if probability.shape != expected:
        raise InputError(
            f"probabilities of shape {probability.shape} and land cover of shape "
            f"{land_cover.shape}; expected probabilities of shape {expected}: bring the "
            "land cover onto the grid of the map"
        )
    place = places_of("land_cover", land_cover, table.covers, table.missing).ravel()
    flat = probability.reshape(len(table.codes), -1)
    habitat = np.full((RANKS, place.size), NO_HABITAT, np.uint16)
    confidence = np.full((RANKS, place.size), NO_PERCENT, np.uint8)
    allowed = np.ascontiguousarray(table.padded.T)
    _rank(flat, _missing_of(flat), place, allowed, table.numbers, habitat, confidence)
    shape = (RANKS, *land_cover.shape)
    return Ranked(habitat.reshape(shape), confidence.reshape(shape))


def _missing_of(probability: NDArray[Any]) -> float:
    return float(NO_PERCENT) if probability.dtype.kind == "u" else float("inf")


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rank(
    probability: NDArray[Any],
    missing: float,
    place: NDArray[np.int32],
    allowed: NDArray[np.bool_],
    numbers: NDArray[np.uint16],
    habitat: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
) -> None:
    """Fill ``(rank, n)`` from probabilities ``(class, n)`` where ``(cover + 1, class)`` allows."""
    ranks = habitat.shape[0]
    for cell in range(place.size):
        # The columns of neighbouring cells share cache lines, so cells can be the outer loop.
        best = np.zeros(ranks)
        total = 0.0
        for index in range(numbers.size):
            value = float(probability[index, cell])
            # Written so that NaN is passed over, too.
            if not (value > 0.0 and value < missing and allowed[place[cell], index]):
                continue
            total += value
            # Only a larger value moves up, so that of equal ones the first stays first.
            rank = ranks
            while rank > 0 and value > best[rank - 1]:
                rank -= 1
            for lower in range(ranks - 1, rank, -1):
                best[lower] = best[lower - 1]
                habitat[lower, cell] = habitat[lower - 1, cell]
            if rank < ranks:
                best[rank] = value
                habitat[rank, cell] = numbers[index]
        for rank in range(ranks):
            if best[rank] > 0.0:
                confidence[rank, cell] = np.uint8(np.floor(100.0 * best[rank] / total + 0.5))
