"""Which predictors to keep so that no two of them say much the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError


@dataclass(frozen=True)
class Dropped:
    """A predictor that was left out, and why."""

    name: str
    partner: str
    """The kept predictor that it is most correlated with."""
    correlation: float
    """Pearson's r between the two, with its sign."""


@dataclass(frozen=True)
class Selection:
    """What was kept and what was not."""

    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    threshold: float
    samples: int
    """Complete rows that the correlations were measured on."""


def least_correlated(
    names: tuple[str, ...], values: NDArray[np.float64], threshold: float
) -> Selection:
    """Keep predictors one by one, each unless it is too correlated with one that is kept.

    The order of ``names`` is the order of preference, so that a recipe says which of two twins
    stays.

    Args:
        names: One a column.
        values: ``(samples, predictors)``; rows with a NaN are left out.
        threshold: Largest |r| between two that are kept.

    Returns:
        The names kept, in order, and for each other one its closest partner among the kept and
        their r. A constant column is correlated with nothing.

    Raises:
        InputError: Fewer than three complete rows.

    >>> x = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, -1.0], [3.0, 6.0, 1.0]])
    >>> least_correlated(("a", "twin", "c"), x, 0.7).kept
    ('a', 'c')
    """
    # One set of places for all pairs keeps the correlations comparable.
    complete = values[~np.isnan(values).any(axis=1)]
    if len(complete) < 3:
        raise InputError(
            f"only {len(complete)} of {len(values)} places have all of the predictors {names}; at "
            "least 3 are needed to measure correlations; check their extents, or turn the "
            "selection off"
        )
    centred = complete - complete.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    # A constant has no direction; zero makes it orthogonal to all.
    centred = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    correlation = np.clip(centred.T @ centred, -1, 1)
    kept: list[int] = []
    dropped: list[Dropped] = []
    for index, name in enumerate(names):
        # Compared with what is kept only: a twin of a dropped one may stay.
        partner = max(kept, key=lambda other: abs(correlation[index, other]), default=None)
        if partner is None or abs(correlation[index, partner]) <= threshold:
            kept.append(index)
        else:
            dropped.append(Dropped(name, names[partner], float(correlation[index, partner])))
    return Selection(
        tuple(names[index] for index in kept), tuple(dropped), threshold, len(complete)
    )
