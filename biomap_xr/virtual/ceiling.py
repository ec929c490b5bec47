"""The best that any reader of species lists can do: how well an assemblage tells its habitat.

The truth of a simulated Europe says how likely each species is in each cell, so what a list of
species can tell of a cell's habitat can be worked out instead of learned. Two answers are given,
since a model of habitats reads two kinds of lists: species found on a plot, and all species of a
cell in the order of their chance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError

Floats = NDArray[np.float32]

LEAST = 1e-6
"""Chances are kept this far from 0 and 1: what never happened may still happen."""
WIDTH = 0.6
"""How far cells count as alike: of the values 0.1, 0.3 and 0.6 the best for lists of 20 to 100."""
BATCH = 256
"""Plots that are compared with all cells at once."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Cells all over a simulated Europe, with their truth."""

    probability: Floats
    """``(cell, species)``: chance that the species lives in the cell, 0 to 1."""
    habitat: NDArray[np.uint16]
    """``(cell,)``: number of the cell's habitat."""
    capture: Floats
    """``(species,)``: chance that a plot holds a species of its cell."""
    group: NDArray[np.uint16]
    """``(species,)``: number of the habitat that a species belongs to."""
    weight: Floats
    """``(species,)``: one over the summed prevalence of the species' habitat."""

    @cached_property
    def habitats(self) -> NDArray[np.uint16]:
        """Numbers of the habitats that there are, ascending, ``(habitat,)``."""
        return np.unique(self.habitat)

    @cached_property
    def member(self) -> Floats:
        """1 where a cell is a habitat, else 0, ``(cell, habitat)``."""
        return (self.habitat[:, None] == self.habitats).astype(np.float32)

    @cached_property
    def usual(self) -> Floats:
        """Mean chance of the most likely species of a cell, of the next one, ... ``(species,)``."""
        return -np.sort(-self.probability, axis=1).mean(axis=0)

    @cached_property
    def chance(self) -> Floats:
        """Chance ``(cell, species)`` that a plot in the cell holds a species."""
        return np.clip(self.probability * self.capture, LEAST, 1 - LEAST)


def best_from_presence(found: NDArray[np.bool_], reference: Reference) -> Floats:
    """Return how likely each habitat is, given which species plots hold: the Bayes classifier.

    A plot comes from any cell with the same chance and holds each species of it independently, so

        P(habitat | found) = sum over the habitat's cells of P(found | cell) / sum over all cells,

    with P(found | cell) = product of chance or its complement over all species. The first of these
    habitats is right as often as any reader of the list can be, but for two things: the cells are a
    sample of the truth, and neighbouring species share a little more than the cells' chances say.
    Covers may tell more: who ranks by them can be better than this.

    Args:
        found: ``(plot, species)`` in the order of the truth's species.
        reference: What the truth knows.

    Returns:
        ``(plot, habitat)`` in the order of ``reference.habitats``; rows sum to one.

    Raises:
        InputError: The plots have other species than the truth.
    """
    _check_species(found.shape[1], reference)
    chance = reference.chance
    # log P(found | cell) = found . logit(chance) + sum of log(1 - chance).
    absent = np.log1p(-chance)
    evidence, base = (np.log(chance) - absent).T, absent.sum(axis=1, dtype=np.float64)
    result = np.empty((len(found), len(reference.habitats)), np.float32)
    for start in range(0, len(found), BATCH):
        rows = slice(start, start + BATCH)
        log = found[rows].astype(np.float32) @ evidence + base.astype(np.float32)
        result[rows] = _softmax(log) @ reference.member
    return result


def naive_from_presence(found: NDArray[np.bool_], reference: Reference) -> Floats:
    """Return how likely each habitat is when species are independent **within a habitat**.

    This is the naive Bayes classifier with exact frequencies: a plain reader to compare with, below
    `best_from_presence` because a habitat's species come and go together.

    Args:
        found: ``(plot, species)`` in the order of the truth's species.
        reference: What the truth knows.

    Returns:
        ``(plot, habitat)`` in the order of ``reference.habitats``; rows sum to one.

    Raises:
        InputError: The plots have other species than the truth.
    """
    _check_species(found.shape[1], reference)
    cells = reference.member.sum(axis=0)
    frequency = (reference.member.T @ reference.chance) / cells[:, None]
    absent = np.log1p(-frequency)
    prior = np.log(cells / cells.sum())
    evidence = (np.log(frequency) - absent).T
    return _softmax(found.astype(np.float32) @ evidence + absent.sum(axis=1) + prior)


def best_from_ranking(ranked: NDArray[np.integer], reference: Reference) -> Floats:
    """Return how likely each habitat is, given a cell's species by descending chance.

    The habitat is a function of the place, and so is the ranking; whoever knew the map by heart
    would never be wrong. What comes next is to know many cells by heart: rankings, each rank put
    back as the mean chance of that rank, are compared with those of all reference cells, and

        P(habitat | ranking) = sum over its cells of exp(-d^2 / w) / sum over all cells

    with d the distance between two rankings and w `WIDTH` times the median of d^2 between a cell
    of the reference and the one most like it.

    Args:
        ranked: ``(n, K)`` indices of species, most likely first, -1 where the list ends.
        reference: What the truth knows.

    Returns:
        ``(n, habitat)`` in the order of ``reference.habitats``; rows sum to one.

    Raises:
        InputError: An index is not one of the truth's species.
    """
    _check_ranks(ranked, reference)
    length = ranked.shape[1]
    order = np.argsort(-reference.probability, axis=1)[:, :length]
    known = _restored(order, reference)
    some = known[:: max(1, len(known) // BATCH)]
    # The nearest of all is the cell itself.
    width = WIDTH * float(np.median(np.partition(_squares(some, known), 1, axis=1)[:, 1]))
    result = np.empty((len(ranked), len(reference.habitats)), np.float32)
    for start in range(0, len(ranked), BATCH):
        rows = slice(start, start + BATCH)
        distance = _squares(_restored(ranked[rows], reference), known)
        result[rows] = _softmax(-distance / max(width, LEAST)) @ reference.member
    return result


def rule_from_ranking(ranked: NDArray[np.integer], reference: Reference) -> Floats:
    """Return how over-represented each habitat is, given a cell's species by descending chance.

    Each chance is put back as the mean of its rank over the reference, species that are not in the
    list get what remains on average, and the rule that made the truth is applied. It knows the
    assemblages but not where a habitat cannot be; in a world of all formations it is of little use.

    Args:
        ranked: ``(n, K)`` indices of species, most likely first, -1 where the list ends.
        reference: What the truth knows.

    Returns:
        ``(n, habitat)`` in the order of ``reference.habitats``, without unit; 1 is average.

    Raises:
        InputError: An index is not one of the truth's species.
    """
    _check_ranks(ranked, reference)
    species, usual = len(reference.usual), reference.usual.astype(np.float64)
    length = (ranked >= 0).sum(axis=1)
    # Mean chance of the ranks beyond the list's end; 0 where it holds all species.
    beyond = np.append(np.cumsum(usual[::-1])[::-1] / np.arange(species, 0, -1), 0)
    chance = np.repeat(beyond[length][:, None], species, axis=1)
    row, rank = np.nonzero(ranked >= 0)
    chance[row, ranked[row, rank]] = usual[rank]
    share = (reference.group[:, None] == reference.habitats) * reference.weight[:, None]
    return (chance @ share).astype(np.float32)


def _restored(ranked: NDArray[np.integer], reference: Reference) -> Floats:
    """Return the mean chance of each species' rank ``(n, species)``, 0 where it is not listed."""
    chance = np.zeros((len(ranked), len(reference.usual)), np.float32)
    row, rank = np.nonzero(ranked >= 0)
    chance[row, ranked[row, rank]] = reference.usual[rank]
    return chance


def _squares(first: Floats, second: Floats) -> Floats:
    """Return the squared distances ``(n, m)`` between rows ``(n, species)``, ``(m, species)``."""
    own, other = (first**2).sum(axis=1), (second**2).sum(axis=1)
    return np.maximum(own[:, None] + other - 2 * (first @ second.T), 0)


def _check_ranks(ranked: NDArray[np.integer], reference: Reference) -> None:
    species = reference.probability.shape[1]
    if ranked.max(initial=-1) >= species or ranked.min(initial=0) < -1:
        raise InputError(
            f"ranked species run from {ranked.min()} to {ranked.max()}; expected -1 (none) or an "
            f"index of the truth's {species} species: rank those"
        )


def _check_species(found: int, reference: Reference) -> None:
    wanted = reference.probability.shape[1]
    if found != wanted:
        raise InputError(
            f"plots of {found} species, but the truth has {wanted}; give a column for each of the "
            "truth's species, in its order"
        )


def _softmax(log: NDArray[np.floating]) -> Floats:
    """Return shares ``(n, k)`` of logarithms, each row summing to one."""
    raised = np.exp(log - log.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
