"""The vote of an ensemble: voters are learners x folds (paper 2, Ensemble forecasting).

Paper 2 weighs voters by the rank of their predictive performance and gives no formula; the
published code weighs all alike. Here the best of M learners has the weight M, the next M - 1, the
last 1, over the sum of all; learners of equal score share the mean of their weights, and the
voters of a learner, one a fold, share its weight equally.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.settings import Denominator, Weights


def learner_weights(scores: Mapping[str, float], weights: Weights) -> dict[str, float]:
    """Return the weight of each learner; they sum to 1.

    Args:
        scores: Cross-validated score of each, the higher the better.
        weights: By rank: w_m = (M - rank_m + 1) / (1 + ... + M); or equal.

    Raises:
        InputError: A score is not finite.

    >>> learner_weights({"wrf": 0.5, "xgb": 0.7, "mlp": 0.6}, "rank")["xgb"]
    0.5
    """
    wrong = [name for name, score in scores.items() if not np.isfinite(score)]
    if wrong or not scores:
        raise InputError(
            f"learners {wrong or 'none'} have no score among {dict(scores)}; expected a finite "
            "number each: score them, or weigh all alike"
        )
    # Ranked from the worst up, which is M - rank + 1 from the best down.
    points = rankdata(list(scores.values()), method="average")
    if weights == "equal":
        points = np.ones(len(scores))
    return dict(zip(scores, (points / points.sum()).tolist(), strict=True))


def voter_weights(learners: Sequence[str], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Share each learner's weight equally among its voters.

    Args:
        learners: Learner of each voter ``(voter,)``.
        weights: Of each learner.

    Returns:
        ``(voter,)``; they sum to 1 where all learners vote.

    >>> voter_weights(["a", "a", "b"], {"a": 0.5, "b": 0.5}).tolist()
    [0.25, 0.25, 0.5]
    """
    names = list(learners)
    return np.array([weights[name] / names.count(name) for name in names])


def combine(
    probability: NDArray[Any], known: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[Any]:
    """Return the weighted mean over the voters that know each class, renormalised.

    A class that was absent from a fold's training is averaged over the other voters only, so that
    it is not thought rare for lack of a voter; rows are then scaled to sum to 1.

    Args:
        probability: ``(voter, row, class)``, 0 where a voter does not know a class.
        known: ``(voter, class)`` whether a voter knows a class.
        weights: ``(voter,)``

    Returns:
        ``(row, class)``; a class that nobody knows has 0.

    >>> combine(np.array([[[0.5, 0.5]], [[1.0, 0.0]]]), np.array([[True, True], [True, False]]),
    ...         np.array([0.5, 0.5])).round(3).tolist()
    [[0.6, 0.4]]
    """
    share = weights.astype(probability.dtype)
    total = np.tensordot(share, probability, axes=1)
    # The weight of those that could have named the class.
    heard = share @ known.astype(probability.dtype)
    mean = total / np.where(heard > 0, heard, 1)
    whole = mean.sum(axis=1, keepdims=True)
    return mean / np.where(whole > 0, whole, 1)


def likeliest(probability: NDArray[Any], allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return the most probable class (..., row) of (..., row, class).

    Args:
        probability: Of any number of voters or none.
        allowed: ``(row, class)`` classes that may win; None: all. Where none may, the first is
            given.

    >>> likeliest(np.array([[0.2, 0.8]]), np.array([[True, False]])).tolist()
    [0]
    """
    if allowed is None:
        return probability.argmax(axis=-1)
    # Below every probability, also below those that are 0.
    return np.where(allowed, probability, -1).argmax(axis=-1)


def committee(
    choice: NDArray[np.int64],
    known: NDArray[np.bool_],
    winner: NDArray[np.int64],
    denominator: Denominator,
) -> NDArray[np.float64]:
    """Return the share of votes for the winner ``(row,)``, 0 to 1: committee averaging of paper 2.

    Each voter has one vote, for its most probable class, whatever its weight.

    Args:
        choice: ``(voter, row)`` class that each voter finds likeliest.
        known: ``(voter, class)``
        winner: ``(row,)`` class that the ensemble finds likeliest.
        denominator: Of the voters that know the winner, or of all.

    >>> committee(np.array([[0], [1]]), np.array([[True, True], [False, True]]), np.array([0]),
    ...           "knowing").tolist()
    [1.0]
    """
    votes = (choice == winner).sum(axis=0)
    if denominator == "all":
        return votes / len(choice)
    return votes / np.maximum(known[:, winner].sum(axis=0), 1)
