"""Species assemblages of plots or map cells: ranked, with their amounts, and labelled.

Plots are ranked by cover, cells by the probability that a species distribution model gives each
species (paper 1, "Habitat Identification").
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.habitats import eunis
from biomap_xr.habitats.sentences import END, Unknown
from biomap_xr.observations.plots import Plots
from biomap_xr.taxa import places

NO_LABEL = -1
"""Label of an assemblage whose habitat is unknown."""
FINEST = 3
"""EUNIS level that models name; coarser ones are sums."""


@dataclass(frozen=True, eq=False)
class Assemblages:
    """Ranked species of plots or cells."""

    sentences: NDArray[np.int32]
    """``(n, K)`` indices of species, the most dominant first, -1 behind the last."""
    amounts: csr_array
    """``(n, species)`` float32 cover in percent or probability, 0 where absent; of all species, not
    only those that are ranked."""
    species: tuple[str, ...]
    """Names."""

    def __len__(self) -> int:
        return len(self.sentences)

    def select(self, chosen: NDArray[Any]) -> Self:
        """Return some of them, by a mask ``(n,)`` or by indices."""
        index = np.arange(len(self))[chosen]
        return replace(self, sentences=self.sentences[index], amounts=self.amounts[index])

    def in_table(self, species: Sequence[str]) -> tuple["Assemblages", Unknown]:
        """Return the assemblages with indices of another table of species.

        Args:
            species: Names that a model knows.

        Returns:
            Assemblages without the species that the table lacks, ranked anew, and which these are.
        """
        target = np.array(places(self.species, species), np.int64)
        entries = self.amounts.tocoo()
        row, column = entries.coords
        known = target[column] >= 0
        records = np.bincount(column[~known], minlength=len(self.species))
        lost = [index for index in np.argsort(-records, kind="stable") if records[index]]
        amounts = csr_array(
            (entries.data[known], (row[known], target[column[known]])),
            shape=(len(self), len(species)),
        )
        unknown = Unknown({self.species[index]: int(records[index]) for index in lost})
        sentences = ranked(amounts, self.sentences.shape[1])
        return Assemblages(sentences, amounts, tuple(species)), unknown


@dataclass(frozen=True, eq=False)
class Samples:
    """Assemblages and, where known, their habitats: what a classifier learns from."""

    assemblages: Assemblages
    label: NDArray[np.int64]
    """``(n,)`` index of the habitat, -1 where unknown."""
    habitats: tuple[str, ...]
    """Level-3 codes, sorted by their number on a map."""

    def __len__(self) -> int:
        return len(self.assemblages)

    def labelled(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return those of some rows whose habitat is known, sorted."""
        rows = np.sort(rows)
        return rows[self.label[rows] != NO_LABEL]

    def fingerprint(self) -> str:
        """Return the SHA-256 of sentences, amounts, labels and names: equal for equal samples."""
        amounts = self.assemblages.amounts
        state = hashlib.sha256(repr((self.assemblages.species, self.habitats)).encode())
        for array in (self.assemblages.sentences, amounts.data, amounts.indices, self.label):
            state.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).data)
        return state.hexdigest()


def ranked(amounts: csr_array, k: int) -> NDArray[np.int32]:
    """Rank the species of each row by their amount; equal amounts by the order of the table.

    Args:
        amounts: ``(n, species)`` cover or probability; zeros and less are absent.
        k: Longest sentence.

    Returns:
        ``(n, k)`` indices of species, -1 behind the last.

    >>> ranked(csr_array(np.array([[0.0, 5, 20], [1, 1, 0]])), 2)
    array([[2, 1],
           [0, 1]], dtype=int32)
    """
    entries = amounts.tocoo()
    row, column = entries.coords
    there = entries.data > 0
    row, column, amount = row[there], column[there], entries.data[there]
    order = np.lexsort((column, -amount, row))
    row, column = row[order], column[order]
    first = np.searchsorted(row, np.arange(amounts.shape[0]))
    rank = np.arange(len(row)) - first[row]
    sentences = np.full((amounts.shape[0], k), END, np.int32)
    kept = rank < k
    sentences[row[kept], rank[kept]] = column[kept]
    return sentences


def of_plots(plots: Plots, k: int) -> Assemblages:
    """Rank the species of plots by cover.

    Args:
        plots: After curation.
        k: Species of a sentence at most.

    Raises:
        InputError: A plot has no species.
    """
    sentences = ranked(plots.cover, k)
    empty = plots.plot_id[sentences[:, 0] == END]
    if len(empty):
        raise InputError(
            f"{len(empty)} of {len(plots)} plots have no species: {empty[:5].tolist()}; expected "
            "one with a cover above 0 in each: curate the plots, which drops them"
        )
    return Assemblages(sentences, plots.cover.astype(np.float32), tuple(plots.species))


def samples_of(
    assemblages: Assemblages,
    labels: Sequence[Sequence[str]],
    habitats: Sequence[str] | None = None,
) -> Samples:
    """Join assemblages with the EUNIS codes of each.

    A sample's habitat is known where its codes name exactly one habitat of level 3; others, such as
    those that are only known as grassland, are read in the first stage of training alone.

    Args:
        assemblages: n of them.
        labels: ``(n,)`` codes of each, none where unknown.
        habitats: Codes that a model names; all that occur where None.

    Raises:
        InputError: There are other numbers of labels and assemblages, or one is no EUNIS code.

    >>> one = Assemblages(np.zeros((2, 1), np.int32), csr_array(np.ones((2, 1))), ("poa annua",))
    >>> samples_of(one, [("R22",), ("R",)]).label
    array([ 0, -1])
    """
    if len(labels) != len(assemblages):
        raise InputError(
            f"{len(labels)} labels for {len(assemblages)} assemblages; expected one each, an empty "
            "one where the habitat is unknown"
        )
    codes = [_single(each) for each in labels]
    names = set(codes) - {""} if habitats is None else set(habitats)
    order = eunis.in_order(names)
    place = {code: index for index, code in enumerate(order)}
    label = np.array([place.get(code, NO_LABEL) for code in codes], np.int64)
    return Samples(assemblages, label, order)


def _single(codes: Sequence[str]) -> str:
    """Return the only level-3 code, or an empty text."""
    finest = {eunis.normalise(code) for code in codes if eunis.level_of(code) == FINEST}
    return finest.pop() if len(finest) == 1 else ""
