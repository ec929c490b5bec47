"""The most probable species of every cell, kept while blocks of species pass by.

The dense cube of a tile (250,000 cells x 11,255 species) never exists. A species is ranked by a
whole number of 64 bits: the bits of its probability, which are in the order of the values, then
its index, reversed. All these numbers differ, so that equal probabilities have an order (the lower
index first) and no cutting into blocks changes the sentences.
"""

from typing import Any, Literal

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.habitats.sentences import END

DropLast = Literal["plantbert"]
"""The published program always cuts a text at its last comma, so that the last species is lost
even where nothing was too long; a single species stays."""
NOTHING = -1
"""Number of a rank that no species has; all others are larger."""
SPECIES_BITS = 32
LOWER = 2**SPECIES_BITS - 1
STRIP = 2048
"""Cells of a strip: their last ranks stay in the cache while a block's species pass."""


class TopSpecies:
    """The K most probable species of n cells, of all blocks so far.

    >>> top = TopSpecies(2, 1)
    >>> top.add(np.array([0, 1]), torch.tensor([[0.25], [0.5]]))
    >>> top.add(np.array([2]), torch.tensor([[0.5]]))
    >>> top.sentences().tolist()
    [[1, 2]]
    """

    def __init__(
        self,
        k: int,
        cells: int,
        *,
        minimum: float | NDArray[np.floating] = 0.0,
        device: str | torch.device = "cpu",
    ) -> None:
        """Begin with no species.

        Args:
            k: Longest sentence.
            cells: How many there are.
            minimum: Probability from which a species counts: one, or ``(species,)`` of each.
            device: Where the probabilities are.

        Raises:
            InputError: ``k`` is less than 1, or a minimum is no probability.
        """
        least = np.asarray(minimum, np.float32)
        if k < 1 or not ((least >= 0) & (least <= 1)).all():
            raise InputError(
                f"k {k} and minimum {least.min():g} to {least.max():g}; expected k of 1 or more "
                "and minima from 0 to 1: mend the recipe"
            )
        self._minimum = least
        self._ranked = torch.full((cells, k), NOTHING, dtype=torch.int64, device=device)

    def add(self, species: NDArray[np.integer], probability: Tensor) -> None:
        """Let a block of species pass.

        Args:
            species: ``(block,)`` indices, each given once in all blocks.
            probability: ``(block, n)`` float32 from 0 to 1, on the device.

        Raises:
            InputError: The block has another number of species or of cells.
        """
        expected = (len(species), len(self._ranked))
        if tuple(probability.shape) != expected:
            raise InputError(
                f"probabilities have shape {tuple(probability.shape)}; expected {expected}, a row "
                "for each species of the block and a column for each cell"
            )
        of_all = self._minimum
        minimum = of_all[species] if of_all.ndim else np.full(len(species), of_all)
        if self._ranked.device.type == "cpu":
            values = np.ascontiguousarray(probability.numpy(), np.float32)
            _insert(
                self._ranked.numpy(),
                species.astype(np.int64),
                values.view(np.int32),
                minimum.view(np.int32),
            )
        else:
            device = self._ranked.device
            index = torch.as_tensor(species, device=device)
            least = torch.as_tensor(minimum, device=device)
            self._ranked = merge(self._ranked, index, probability, least)

    def sentences(self, *, drop_last: DropLast | None = None) -> Tensor:
        """Return the species of each cell.

        Args:
            drop_last: ``plantbert`` leaves the last species of each sentence out, as published.

        Returns:
            ``(n, K)`` int32 indices, the most probable first, -1 behind the last.

        Raises:
            InputError: A probability was above 1 or not a number.
        """
        above = self._ranked[:, 0] >> SPECIES_BITS > int(np.float32(1.0).view(np.int32))
        if bool(above.any()):
            cell = int(torch.nonzero(above)[0])
            value = self._ranked[cell, :1].bitwise_right_shift(SPECIES_BITS).to(torch.int32)
            raise InputError(
                f"cell {cell} has a species with probability {value.view(torch.float32).item()}; "
                "expected 0 to 1: the species model is broken or was given fills"
            )
        there = self._ranked != NOTHING
        if drop_last == "plantbert":
            length = there.sum(dim=1, keepdim=True)
            place = torch.arange(there.shape[1], device=there.device)
            there &= (place < length - 1) | (length == 1)
        index = LOWER - (self._ranked & LOWER)
        return torch.where(there, index, END).to(torch.int32)


def merge(ranked: Tensor, species: Tensor, probability: Tensor, minimum: Tensor) -> Tensor:
    """Join a block's numbers to the kept ones and keep the highest, on any device.

    Args:
        ranked: ``(n, K)`` numbers, descending.
        species: ``(block,)`` indices.
        probability: ``(block, n)`` of them.
        minimum: ``(block,)`` least probability that counts.

    Returns:
        ``(n, K)`` numbers, descending.
    """
    bits = probability.float().contiguous().view(torch.int32).to(torch.int64)
    numbers = (bits << SPECIES_BITS) | (LOWER - species.to(torch.int64))[:, None]
    numbers.masked_fill_(probability < minimum[:, None], NOTHING)
    return torch.topk(torch.cat([ranked, numbers.T], dim=1), ranked.shape[1], dim=1).values


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _insert(ranked: Any, species: Any, bits: Any, minimum: Any) -> None:
    """Put the species of a block into the ranks ``(n, K)`` of the cells where they belong.

    Args:
        ranked: ``(n, K)`` numbers, descending.
        species: ``(block,)`` indices.
        bits: ``(block, n)`` of their probabilities.
        minimum: ``(block,)`` bits of the least probability that counts.
    """
    cells, k = ranked.shape
    last = np.empty(STRIP, np.int32)
    for start in range(0, cells, STRIP):
        stop = min(start + STRIP, cells)
        for cell in range(start, stop):
            last[cell - start] = np.int32(ranked[cell, k - 1] >> SPECIES_BITS)
        for row in range(len(species)):
            for cell in range(start, stop):
                value = bits[row, cell]
                # Most species enter no cell: they are passed over by this one comparison.
                if value >= last[cell - start] and value >= minimum[row]:
                    number = (np.int64(value) << SPECIES_BITS) | (LOWER - species[row])
                    if number > ranked[cell, k - 1]:
                        _place(ranked[cell], number)
                        last[cell - start] = np.int32(ranked[cell, k - 1] >> SPECIES_BITS)


@numba.njit(inline="always", error_model="numpy")
def _place(row: Any, number: Any) -> None:
    """Shift what is lower by one rank, the last one out, and put the number there."""
    rank = len(row) - 1
    while rank > 0 and row[rank - 1] < number:
        row[rank] = row[rank - 1]
        rank -= 1
    row[rank] = number
