"""Metrics of paper 1, table 1, on held-out surveys.

Every function takes ``targets`` ``(surveys, species)``, bool or 0/1, and ``scores``
``(surveys, species)``, finite, the higher the likelier. None of them depends on the order of
surveys or species.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError

SPECIES_PER_BLOCK = 64
"""Columns laid out contiguously at a time: a strided column costs a cache miss per survey."""
SURVEYS_PER_BLOCK = 256
"""Rows of scores that are copied at a time to find the K-th highest."""


@dataclass(frozen=True)
class Score:
    """A metric and how much of the test set it rests on."""

    value: float
    """The metric, 0 to 1; NaN where nothing could be scored."""
    used: int
    """Species (AUC) or surveys (F-score, Recall@K) behind the value."""
    excluded: int
    """Species or surveys for which the metric is not defined."""

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Score":
        """Mean of ``values`` (any shape); NaN marks what is not defined.

        >>> Score.of(np.array([0.5, 1.0, np.nan]))
        Score(value=0.75, used=2, excluded=1)
        """
        defined = values[~np.isnan(values)]
        mean = float(defined.mean()) if defined.size else float("nan")
        return cls(mean, int(defined.size), int(values.size - defined.size))


def as_targets(targets: ArrayLike) -> NDArray[np.bool_]:
    """Check presence ``(surveys, species)`` and return it as bool.

    Raises:
        InputError: where the array is not 2-D or holds anything but 0 and 1.
    """
    array = np.asarray(targets)
    if array.ndim != 2:
        raise InputError(
            f"targets have shape {array.shape}; expected (surveys, species): give one row a survey"
        )
    if array.dtype == np.bool_:
        return array
    strange = array[(array != 0) & (array != 1)]
    if strange.size:
        raise InputError(
            f"targets hold {strange[0]}; expected presence as 0 or 1: threshold abundances first"
        )
    return array.astype(np.bool_)


def as_scores(scores: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Check scores ``(surveys, species)`` against the shape of their targets.

    Raises:
        InputError: where the shape differs or a score is NaN or infinite.
    """
    array = np.asarray(scores)
    if array.shape != shape:
        raise InputError(
            f"scores have shape {array.shape}; the targets have {shape}: "
            "score the same surveys and species"
        )
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    # By rows, so that the message can name the survey.
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        survey = int(np.flatnonzero(~finite)[0])
        raise InputError(
            f"scores of survey row {survey} hold {array[survey][~np.isfinite(array[survey])][0]}; "
            "expected finite numbers: leave out surveys without a prediction"
        )
    return array


def scorable(targets: ArrayLike) -> NDArray[np.bool_]:
    """Species ``(species,)`` that are neither absent from all surveys nor present in all of them.

    >>> scorable([[1, 0, 1], [1, 0, 0]])
    array([False, False,  True])
    """
    present = as_targets(targets)
    found = present.sum(axis=0)
    return (found > 0) & (found < present.shape[0])


def auc_by_species(targets: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Area under the ROC curve of every species ``(species,)``, ties by midrank.

    It is the chance that a survey with the species scores higher than one without, half for ties
    (Mann-Whitney). NaN where the species is all absent or all present.

    >>> auc_by_species([[0, 0], [1, 0]], [[0.2, 0.1], [0.7, 0.1]])
    array([ 1., nan])
    """
    present = as_targets(targets)
    values = as_scores(scores, present.shape)
    auc = np.full(present.shape[1], np.nan)
    for species, occupied, column in columns(present, values):
        auc[species] = _column_auc(occupied, column)
    return auc


def columns(
    present: NDArray[np.bool_], values: NDArray[np.floating]
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.floating]]]:
    """Yield every scorable species, its presence ``(surveys,)`` and its scores ``(surveys,)``."""
    kept = np.flatnonzero(scorable(present))
    for start in range(0, kept.size, SPECIES_PER_BLOCK):
        chosen = kept[start : start + SPECIES_PER_BLOCK]
        occupied = np.ascontiguousarray(present[:, chosen].T)
        block = np.ascontiguousarray(values[:, chosen].T)
        for row, species in enumerate(chosen):
            yield int(species), occupied[row], block[row]


def _column_auc(occupied: NDArray[np.bool_], column: NDArray[np.floating]) -> float:
    ordered = np.sort(column)
    found = column[occupied]
    # The midrank (from 1) of a value is the mean of the first and last place it takes among all.
    ranks = np.searchsorted(ordered, found, "left") + np.searchsorted(ordered, found, "right") + 1
    with_species, without = found.size, column.size - found.size
    wins = ranks.sum() / 2 - with_species * (with_species + 1) / 2
    return float(wins / (with_species * without))


def macro_auc(targets: ArrayLike, scores: ArrayLike) -> Score:
    """Mean AUC over the scorable species of ``(surveys, species)``; others are counted apart.

    Equals ``sklearn.metrics.roc_auc_score(average="macro")`` on the kept columns.

    >>> macro_auc([[0, 0], [1, 0]], [[0.2, 0.1], [0.7, 0.1]])
    Score(value=1.0, used=1, excluded=1)
    """
    return Score.of(auc_by_species(targets, scores))


def assemblage(scores: ArrayLike, threshold: ArrayLike) -> NDArray[np.bool_]:
    """Species predicted present ``(surveys, species)``: score at or above its threshold.

    ``threshold`` is one number for all or one per species ``(species,)``.

    >>> assemblage([[0.2, 0.5]], 0.5)
    array([[False,  True]])
    """
    return np.asarray(scores) >= np.asarray(threshold)


def f_score_by_survey(targets: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """F-score of every survey's assemblage ``(surveys,)``: 2 TP / (2 TP + FP + FN), 0 to 1.

    0 for a survey with no species, neither present nor predicted. The mean equals
    ``sklearn.metrics.f1_score(average="samples", zero_division=0)``.

    Args:
        targets: presence ``(surveys, species)``.
        predicted: predicted assemblage ``(surveys, species)``, bool or 0/1.

    >>> f_score_by_survey([[1, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]]).round(3)
    array([0.667, 0.   ])
    """
    present, chosen = as_targets(targets), as_targets(predicted)
    if present.shape != chosen.shape:
        raise InputError(
            f"the assemblages have shape {chosen.shape}; the targets have {present.shape}: "
            "threshold the scores of the same surveys and species"
        )
    # 2 TP + FP + FN is what is present plus what is predicted.
    hits = (present & chosen).sum(axis=1)
    total = present.sum(axis=1) + chosen.sum(axis=1)
    return np.divide(2.0 * hits, total, out=np.zeros(total.shape), where=total > 0)


def recall_by_survey(targets: ArrayLike, scores: ArrayLike, k: int) -> NDArray[np.float64]:
    """Share of a survey's species among its ``k`` highest scores ``(surveys,)``, 0 to 1.

    Species that tie for the last places share them in expectation (present among the tied x
    places left / tied), so the result does not depend on the order of species. A survey without
    species has no recall: NaN.

    Args:
        targets: presence ``(surveys, species)``.
        scores: scores ``(surveys, species)``.
        k: how many species are predicted in every survey; all of them where there are fewer.

    Raises:
        InputError: where ``k`` is below one.

    >>> recall_by_survey([[1, 0, 0], [1, 1, 0]], [[0.5, 0.5, 0.1], [0.9, 0.2, 0.4]], k=1)
    array([0.5, 0.5])
    """
    if k < 1:
        raise InputError(
            f"Recall@K was asked for K = {k}; expected 1 or more: correct `recall_at` in the recipe"
        )
    present = as_targets(targets)
    values = as_scores(scores, present.shape)
    found = np.zeros(present.shape[0])
    for start in range(0, present.shape[0], SURVEYS_PER_BLOCK):
        rows = slice(start, start + SURVEYS_PER_BLOCK)
        found[rows] = _found_in_highest(present[rows], values[rows], k)
    total = present.sum(axis=1)
    return np.divide(found, total, out=np.full(total.shape, np.nan), where=total > 0)


def _found_in_highest(
    present: NDArray[np.bool_], values: NDArray[np.floating], k: int
) -> NDArray[np.float64]:
    species = values.shape[1]
    if k >= species:
        return present.sum(axis=1).astype(np.float64)
    # A partial sort finds the K-th score; which of equal scores it puts first does not matter.
    last = np.partition(values, species - k, axis=1)[:, species - k, np.newaxis]
    above, tied = values > last, values == last
    places = k - above.sum(axis=1)
    return (present & above).sum(axis=1) + (present & tied).sum(axis=1) * places / tied.sum(axis=1)
