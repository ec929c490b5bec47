"""Amounts of plants for many plots at once, as products of sparse matrices.

Every amount of a rule file is a statistic of the covers of a set of species; the sets are rows of
one sparse matrix, so that all amounts of all plots come from a few products.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.habitats.esy.terms import Amount, Species, Statistic

DECIMALS = {Statistic.TOTAL: 10, Statistic.ROOTS: 5}
"""Places to which the authors' program rounds, so that equal covers compare as equal."""
FULL = 100.0


def log_uncovered(cover: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the share of ground that plants leave open.

    Args:
        cover: (...) percent, 0 to 100.

    Returns:
        (...) 0 or less, minus infinity under full cover; layers that overlap add up.
    """
    with np.errstate(divide="ignore"):
        return np.log1p(-cover / FULL)


SUMMED: dict[Statistic, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    Statistic.TOTAL: log_uncovered,
    Statistic.ROOTS: np.sqrt,
    Statistic.SUM: np.positive,
    Statistic.COUNT: np.sign,
}
"""What a species of some cover adds to the sum of its group."""


@dataclass(frozen=True, eq=False)
class Covers:
    """Covers of a block of plots by name."""

    cover: csr_array
    """``(plot, name)`` float64 percent."""

    @classmethod
    def of(cls, cover: csr_array, column: NDArray[np.int64], names: int) -> Self:
        """Give species their names; those that share one overlap as layers do.

        Args:
            cover: ``(plot, species)`` percent, 0 to 100.
            column: ``(species,)`` place of each one's name.
            names: How many there are.

        >>> same = Covers.of(csr_array([[50.0, 50.0]]), np.array([0, 0]), 1)
        >>> same.cover.toarray().tolist()
        [[75.0]]
        """
        # Stored as float32: rounding brings back the decimals that were written.
        values = np.round(cover.data.astype(np.float64), 5)
        uncovered = _with(cover, log_uncovered(values))
        renaming = csr_array(
            (np.ones(len(column)), (np.arange(len(column)), column)), shape=(len(column), names)
        )
        merged = csr_array(uncovered @ renaming)
        # A sum of layers that is exact to 10 decimals keeps equal covers equal.
        return cls(_with(merged, np.round(_covered(merged.data), DECIMALS[Statistic.TOTAL])))

    def amounts(
        self, statistic: Statistic, members: csr_array, counted: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return a statistic of sets of species.

        Args:
            statistic: Which one.
            members: ``(set, name)`` 1 for members.
            counted: ``(name,)`` species that are counted in every plot, present or not, by name;
                none where only present ones count.

        Returns:
            Amounts ``(set, plot)``.
        """
        if statistic is Statistic.HIGHEST:
            found = np.zeros((members.shape[0], self.cover.shape[0]))
            sets_of = csr_array(members.T)
            entries = self.cover.tocoo()
            # Each cover is held against every set that its species belongs to.
            times = np.diff(sets_of.indptr)[entries.col]
            # Counting on from the first set of each cover's species.
            start = np.repeat(sets_of.indptr[entries.col] - np.cumsum(times) + times, times)
            row = sets_of.indices[start + np.arange(times.sum())]
            np.maximum.at(
                found, (row, np.repeat(entries.row, times)), np.repeat(entries.data, times)
            )
            return found
        # The same number in every plot, as all rows of the table are taken for present.
        if statistic is Statistic.COUNT and counted is not None:
            return np.repeat((members @ counted)[:, None], self.cover.shape[0], axis=1)
        summed = (members @ _with(self.cover, SUMMED[statistic](self.cover.data)).T).toarray()
        if statistic is Statistic.TOTAL:
            summed = _covered(summed)
        return np.round(summed, DECIMALS[statistic]) if statistic in DECIMALS else summed


@dataclass(frozen=True, eq=False)
class Plan:
    """Which amounts are wanted, and the sets of species they are made of, for given names."""

    places: dict[Amount, int]
    """Row of each amount."""
    shares: NDArray[np.float64]
    """``(amount,)`` what each is multiplied by."""
    parts: tuple[tuple[Statistic, NDArray[np.int64], csr_array], ...]
    """Statistic, rows of its amounts, and sets ``(set, name)``."""

    @classmethod
    def of(cls, amounts: Sequence[Amount], names: Sequence[str]) -> Self:
        """Plan amounts of plots that have species of given names.

        Args:
            amounts: Each once.
            names: Keys of the columns of covers; a key may occur more than once.
        """
        columns: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            columns.setdefault(name, []).append(place)
        parts = []
        for statistic in Statistic:
            rows = [row for row, one in enumerate(amounts) if one.statistic is statistic]
            if rows:
                sets = _members([amounts[row].species for row in rows], columns, len(names))
                parts.append((statistic, np.array(rows, np.int64), sets))
        shares = np.array([amount.percent / FULL for amount in amounts])
        places = {amount: row for row, amount in enumerate(amounts)}
        return cls(places, shares, tuple(parts))

    def carry_out(
        self, covers: Covers, counted: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the amounts of plots ``(amount, plot)``."""
        found = np.empty((len(self.shares), covers.cover.shape[0]))
        for statistic, rows, members in self.parts:
            found[rows] = covers.amounts(statistic, members, counted)
        return found * self.shares[:, None]


def highest_rivals(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each group the largest amount of any other one.

    Args:
        amounts: ``(group, plot)``.

    Returns:
        Largest amount of the others ``(group, plot)``, 0 where there is no other group.

    >>> highest_rivals(np.array([[3.0], [5.0], [2.0]])).ravel().tolist()
    [5.0, 3.0, 5.0]
    """
    if len(amounts) < 2:
        return np.zeros_like(amounts)
    # Only the winner looks at the second best; so one partition serves all groups.
    second, best = np.partition(amounts, -2, axis=0)[-2:]
    winner = amounts.argmax(axis=0)
    return np.where(np.arange(len(amounts))[:, None] == winner, second, best)


def _members(wanted: Sequence[Species], columns: dict[str, list[int]], names: int) -> csr_array:
    """Mark the names of each set ``(set, name)``."""
    indices, ends = [], [0]
    for species in wanted:
        inside = [place for name in species.names & columns.keys() for place in columns[name]]
        # All others are written out: few rules ask for them, and a plot has few species.
        chosen = np.setdiff1d(np.arange(names), inside) if species.others else np.sort(inside)
        indices.append(chosen.astype(np.int64))
        ends.append(ends[-1] + len(chosen))
    flat = np.concatenate(indices)
    return csr_array((np.ones(len(flat)), flat, np.array(ends)), shape=(len(wanted), names))


def _with(matrix: csr_array, data: NDArray[np.float64]) -> csr_array:
    """Return a matrix of the same places with other values."""
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _covered(log_uncovered: NDArray[np.float64]) -> NDArray[np.float64]:
    return -FULL * np.expm1(log_uncovered)
