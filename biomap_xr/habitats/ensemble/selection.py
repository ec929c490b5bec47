"""Which learners vote: the best algorithm and imbalance strategy of each family (paper 2)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.settings import SelectionSettings
from biomap_xr.habitats.ensemble.tuning import adjusted_balanced_accuracy


def fold_score(
    true: NDArray[np.str_], predicted: NDArray[np.str_], known: NDArray[np.str_]
) -> float:
    """Return the adjusted balanced accuracy of a fold on the classes that training had.

    Args:
        true: Codes of the held-out rows ``(row,)``.
        predicted: Codes ``(row,)``.
        known: Codes that training rows had; rows of others are left out, as published.

    Returns:
        1 is best, 0 is chance; NaN where fewer than two classes are left to score.
    """
    learnt = np.isin(true, known)
    if len(np.unique(true[learnt])) < 2:
        return float("nan")
    return adjusted_balanced_accuracy(true[learnt], predicted[learnt])


def mean_scores(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return the mean over folds of each learner's scores ``(fold,)``; others do not count.

    Raises:
        InputError: No fold has a score.

    >>> mean_scores({"wrf": np.array([0.5, 0.7, np.nan])})
    {'wrf': 0.6}
    """
    empty = [name for name, values in scores.items() if np.isnan(values).all()]
    if empty:
        raise InputError(
            f"learners {empty} have no score in any fold: no held-out rows of two classes that "
            "training had; gather more observations, or use fewer folds"
        )
    return {name: float(np.nanmean(values)) for name, values in scores.items()}


def select(
    scores: Mapping[str, float],
    kinds: Mapping[str, tuple[str, str]],
    settings: SelectionSettings,
) -> tuple[str, ...]:
    """Choose the learners that vote.

    Args:
        scores: Mean score of each learner by name; of equal ones the first is better.
        kinds: Family and algorithm of each learner.
        settings: What is kept.

    Returns:
        Names in the order given.

    Raises:
        InputError: None reaches the least score.

    >>> kinds = {"rf": ("bagging", "forest"), "wrf": ("bagging", "forest")}
    >>> select({"rf": 0.5, "wrf": 0.6}, kinds, SelectionSettings())
    ('wrf',)
    """
    good = {
        name: score
        for name, score in scores.items()
        if settings.least is None or score >= settings.least
    }
    if not good:
        raise InputError(
            f"no learner reaches the score {settings.least} of {dict(scores)}; expected one at "
            "least: lower `least`, or offer other learners"
        )
    if settings.keep == "all":
        return tuple(good)
    place = 0 if settings.keep == "family" else 1
    best: dict[str, str] = {}
    for name, score in good.items():
        kind = kinds[name][place]
        if kind not in best or score > good[best[kind]]:
            best[kind] = name
    return tuple(name for name in good if _kept(name, good, best[kinds[name][place]], settings))


def _kept(name: str, scores: Mapping[str, float], best: str, settings: SelectionSettings) -> bool:
    # Without a margin, one of two equals is enough.
    if name == best:
        return True
    return settings.margin > 0 and scores[name] >= scores[best] - settings.margin
