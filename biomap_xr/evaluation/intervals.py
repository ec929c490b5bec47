"""Intervals of the metrics by resampling spatial blocks, whose surveys are not independent.

A resample draws as many blocks as there are, with replacement. A metric never sees repeated rows:
it takes how often each block was drawn, which gives the same number many times faster.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import Score, as_scores, as_targets, auc_by_species, columns

REPLICATES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A percentile interval over resampled blocks."""

    low: float
    high: float
    level: float
    """Coverage, 0 to 1."""
    replicates: int
    """Resamples in which the metric was defined."""
    blocks: int
    """Distinct blocks that were resampled."""


class Metric(Protocol):
    """A metric of surveys that can be computed on resampled blocks."""

    def score(self) -> Score:
        """Return the metric on the surveys as they are."""

    def resampled(
        self, blocks: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the metric ``(replicates,)`` on resampled blocks.

        Args:
            blocks: the block of every survey ``(surveys,)``, 0 to blocks - 1.
            draws: how often every block was drawn ``(replicates, blocks)``.
        """


@dataclass(frozen=True, eq=False)
class SurveyMean:
    """A metric that is the mean of one value per survey, as the F-score and Recall@K are."""

    values: NDArray[np.float64]
    """One value a survey ``(surveys,)``; NaN where it has none."""

    def score(self) -> Score:
        """Return the mean over the surveys that have a value.

        >>> SurveyMean(np.array([0.0, 1.0, np.nan])).score()
        Score(value=0.5, used=2, excluded=1)
        """
        return Score.of(self.values)

    def resampled(
        self, blocks: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the mean ``(replicates,)`` over resampled ``blocks`` ``(surveys,)``."""
        defined = ~np.isnan(self.values)
        # Sums by block first, so that a resample costs blocks and not surveys.
        size = draws.shape[1]
        total = draws @ np.bincount(blocks[defined], self.values[defined], minlength=size)
        count = draws @ np.bincount(blocks[defined], minlength=size).astype(np.float64)
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


@dataclass(frozen=True, eq=False)
class Difference:
    """How much higher one metric is than another on the same surveys.

    Both are resampled alike: what is hard for both does not blur their difference.
    """

    one: Metric
    other: Metric

    def score(self) -> Score:
        """Return the difference, -1 to 1.

        >>> Difference(SurveyMean(np.array([1.0, 0.5])), SurveyMean(np.zeros(2))).score().value
        0.75
        """
        one = self.one.score()
        return replace(one, value=one.value - self.other.score().value)

    def resampled(
        self, blocks: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the difference ``(replicates,)`` over resampled ``blocks`` ``(surveys,)``."""
        return self.one.resampled(blocks, draws) - self.other.resampled(blocks, draws)


@dataclass(frozen=True, eq=False)
class MacroAuc:
    """Mean AUC over species; in a resample, over the species that are scorable there."""

    targets: ArrayLike
    """Presence ``(surveys, species)``."""
    scores: ArrayLike
    """Scores ``(surveys, species)``."""

    def score(self) -> Score:
        """Return the macro AUC on the surveys as they are."""
        return Score.of(auc_by_species(self.targets, self.scores))

    def resampled(
        self, blocks: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the macro AUC ``(replicates,)`` over resampled ``blocks`` ``(surveys,)``."""
        present = as_targets(self.targets)
        values = as_scores(self.scores, present.shape)
        # Species by species: the mean is over those that this resample can score.
        total, scored = np.zeros(draws.shape[0]), np.zeros(draws.shape[0])
        for _, occupied, column in columns(present, values):
            auc = _resampled_auc(occupied, column, blocks, draws)
            defined = ~np.isnan(auc)
            total[defined] += auc[defined]
            scored += defined
        return np.divide(total, scored, out=np.full(total.shape, np.nan), where=scored > 0)


def _resampled_auc(
    occupied: NDArray[np.bool_],
    column: NDArray[np.floating],
    blocks: NDArray[np.intp],
    draws: NDArray[np.float64],
) -> NDArray[np.float64]:
    """AUC of one species ``(replicates,)``; a pair counts as often as its blocks were drawn."""
    here, elsewhere = blocks[occupied], blocks[~occupied]
    size = draws.shape[1]
    beaten = _beaten_by_block(column[occupied], column[~occupied], elsewhere, size)
    # Presences in one block are drawn together: their rows are summed before the product.
    winners, row = np.unique(here, return_inverse=True)
    pairs = np.zeros((winners.size, size))
    np.add.at(pairs, row, beaten)
    wins = (draws[:, winners] * (draws @ pairs.T)).sum(axis=1)
    presences = draws @ np.bincount(here, minlength=size).astype(np.float64)
    absences = draws @ np.bincount(elsewhere, minlength=size).astype(np.float64)
    total = presences * absences
    return np.divide(wins, total, out=np.full(wins.shape, np.nan), where=total > 0)


def _beaten_by_block(
    found: NDArray[np.floating],
    absent: NDArray[np.floating],
    elsewhere: NDArray[np.intp],
    size: int,
) -> NDArray[np.float64]:
    """Absences ``(presences, blocks)`` that score below each presence, half for ties."""
    distinct, inverse = np.unique(found, return_inverse=True)
    shape = (distinct.size + 1, size)
    table = np.zeros(shape[0] * shape[1])
    # An absence is below distinct[k] where its right place is <= k, not above where its left is.
    for place in (np.searchsorted(distinct, absent), np.searchsorted(distinct, absent, "right")):
        table += np.bincount(place * size + elsewhere, minlength=table.size)
    beaten = np.cumsum(table.reshape(shape), axis=0)[:-1] / 2
    return beaten[inverse]


def interval(
    metric: Metric,
    blocks: ArrayLike,
    *,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Percentile interval of ``metric`` over resampled spatial blocks.

    Args:
        metric: a metric of the surveys.
        blocks: the block of every survey: labels ``(surveys,)`` or numbers ``(surveys, 2)``.
        replicates: how many times the blocks are resampled.
        level: coverage, 0 to 1.
        seed: the same seed gives the same interval.

    Returns:
        The interval; resamples in which the metric is not defined are left out and counted.

    Raises:
        InputError: with fewer than two blocks, or where no resample gives a value.

    >>> interval(SurveyMean(np.array([0.5, 0.5, 0.5])), [1, 1, 2], replicates=9).high
    0.5
    """
    labels, codes = np.unique(np.asarray(blocks), return_inverse=True, axis=0)
    size = len(labels)
    if size < 2:
        raise InputError(
            f"the test surveys lie in {size} block(s); an interval needs at least 2: "
            "hold out more blocks, or report the metric without an interval"
        )
    # How often each block comes up is multinomial; drawing that spares sorting drawn indices.
    chance = np.full(size, 1 / size)
    draws = (
        np.random.default_rng(seed).multinomial(size, chance, size=replicates).astype(np.float64)
    )
    values = metric.resampled(codes, draws)
    # A resample without a single scorable species or survey says nothing, not zero.
    values = values[~np.isnan(values)]
    if values.size == 0:
        raise InputError(
            f"the metric is defined in none of {replicates} resamples of {size} blocks; "
            "expected surveys with and without species: check the held-out surveys"
        )
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high), level, int(values.size), int(size))
