"""How sure an ensemble is of a cell's habitat (paper 2, Ensemble forecasting and uncertainty).

All are of the winning class: the one that the ensemble finds likeliest among those allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.ensemble.settings import Denominator

VOTERS: Mapping[Denominator, str] = {
    "knowing": "the voters whose training had the class",
    "all": "all voters",
}


def definitions(denominator: Denominator) -> dict[str, dict[str, str]]:
    """Return long name, definition and unit of each measure, as attributes of its variable.

    >>> definitions("all")["committee"]["units"]
    'percent'
    """
    texts = {
        "confidence": (
            "probability of the most likely class",
            "largest probability of the ensemble: weighted mean over voters (learner x fold)",
        ),
        "committee": (
            "committee averaging",
            "share of voters (learner x fold) whose most likely class is the ensemble's, out of "
            + VOTERS[denominator],
        ),
        "model_spread": (
            "model uncertainty",
            "standard deviation between learners of the mean over folds of the probability of "
            "the ensemble's most likely class; folds that lack the class in training do not count",
        ),
        "sampling_spread": (
            "data-sampling uncertainty",
            "standard deviation between folds of the mean over learners of the probability of "
            "the ensemble's most likely class; folds that lack the class in training do not count",
        ),
    }
    return {
        name: {"long_name": short, "comment": long, "units": "percent"}
        for name, (short, long) in texts.items()
    }


def of_winner(probability: NDArray[Any], winner: NDArray[np.int64]) -> NDArray[Any]:
    """Return what each voter gives the winner ``(voter, row)``, of ``(voter, row, class)``."""
    return np.take_along_axis(probability, winner[None, :, None], axis=2)[..., 0]


def spread(
    probability: NDArray[Any], counts: NDArray[np.bool_], groups: Sequence[Any]
) -> NDArray[np.float64]:
    """Return the standard deviation between groups of voters of their mean ``(row,)``, 0 to 0.5.

    Groups are learners for the model uncertainty, folds for the data-sampling uncertainty; the
    deviation is that of the groups there are (divided by their number), and 0 for a single one.

    Args:
        probability: ``(voter, row)`` of the winner.
        counts: ``(voter, row)`` whether the voter knows the winner.
        groups: Group of each voter ``(voter,)``.

    >>> spread(np.array([[0.2], [0.4], [0.6]]), np.ones((3, 1), bool), [0, 0, 1]).round(3).tolist()
    [0.15]
    """
    member = np.array([[group == other for group in groups] for other in sorted(set(groups))])
    # Means of groups by matrix products: a loop over groups would copy the votes for each.
    number = member.astype(np.float64) @ counts
    mean = (member.astype(np.float64) @ np.where(counts, probability, 0)) / np.maximum(number, 1)
    there = number > 0
    groups_there = np.maximum(there.sum(axis=0), 1)
    centre = np.where(there, mean, 0).sum(axis=0) / groups_there
    squares = np.where(there, (mean - centre) ** 2, 0).sum(axis=0) / groups_there
    return np.sqrt(squares)
