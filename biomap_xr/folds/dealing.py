"""Units of observations dealt out to folds in turn, each to the fold that has least of its kind.

A unit (a block, a site, a region) is never divided. What is shared out evenly is counts of classes
(paper 2), their presence (the authors' code), or shares of plots and labels (Pl@ntBERT's plots).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Load = Callable[[NDArray[np.float64], int], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""From what folds hold ``(fold, kind)`` and the unit in turn to what each fold has of its kind
``(fold,)``, and, where that is equal, to what decides ``(fold,)``."""


def by_frequency(counts: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Share out counts of observations ``(unit, class)``, the rarest class first: ``(unit,)``.

    A unit goes where most observations of its rarest class are still wanted, then where most of
    any are: iterative stratification (Sechidis et al. 2011) of counts.
    """
    total = counts.sum(axis=0)
    by_rarity = np.argsort(total, kind="stable")
    rank = np.argmax(counts[:, by_rarity] > 0, axis=1)
    rarest = by_rarity[rank]
    size = counts[np.arange(len(counts)), rarest]
    # Units of equal counts are dealt out by chance, not by where they lie.
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    # The largest units first: small ones then fill what is left.
    turns = shuffled[np.lexsort((-size[shuffled], rank[shuffled]))]
    lacking = -np.outer(np.full(folds, 1 / folds), total)
    return _dealt(
        counts, turns, lacking, lambda held, unit: (held[:, rarest[unit]], held.sum(axis=1))
    )


def by_presence(counts: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Share out the presence of classes ``(unit, class)`` (Sechidis et al. 2011): ``(unit,)``."""
    # Brings all of scikit-learn, which a recipe's settings alone do not need.
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold  # noqa: PLC0415

    splitter = MultilabelStratifiedKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(counts), np.int64)
    for index, (_, held_out) in enumerate(splitter.split(counts, counts > 0)):
        fold[held_out] = index
    return fold


def by_variance(shares: NDArray[np.float64], folds: int, seed: int) -> NDArray[np.int64]:
    """Share out shares of all plots, and of each label, ``(unit, kind)``: ``(unit,)``.

    A unit goes where it adds least to the sum of the squared shares of all folds and kinds, the
    variance between folds: there the scalar product of its shares and the fold's is least. Folds
    that have nothing of its labels are alike; the one with fewest plots, kind 0, takes it.
    """
    shuffled = np.random.default_rng(seed).permutation(len(shares))
    size = np.square(shares[shuffled]).sum(axis=1)
    # Large units first: small ones can still even out what these did.
    turns = shuffled[np.argsort(-size, kind="stable")]
    nothing = np.zeros((folds, shares.shape[1]))
    return _dealt(
        shares, turns, nothing, lambda held, unit: (np.round(held @ shares[unit], 15), held[:, 0])
    )


def _dealt(
    amounts: NDArray[np.integer | np.floating],
    turns: NDArray[np.int64],
    held: NDArray[np.float64],
    load: Load,
) -> NDArray[np.int64]:
    """Return the fold of each unit, ``(unit,)``: in its turn it goes where the load is least."""
    fold = np.empty(len(amounts), np.int64)
    for unit in turns:
        key, tie = load(held, unit)
        fold[unit] = np.lexsort((tie, key))[0]
        held[fold[unit]] += amounts[unit]
    return fold
