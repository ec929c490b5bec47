"""Out-of-fold probabilities: every sample is judged by a model that never saw its block."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Samples
from biomap_xr.habitats.baselines.classifier import Classifier

NO_FOLD = -1
"""Fold of a sample that only trains, such as one without coordinates."""
FoldProgress = Callable[[str, int, int], None]
"""Told name, fold and number of folds before each fold."""


def fold_roles(
    folds: NDArray[np.integer],
    fold: int,
    blocks: NDArray[np.integer] | None = None,
    *,
    validation: float = 0.1,
    seed: int = 0,
) -> Roles:
    """Return who trains, who validates and who is judged in one fold.

    Args:
        folds: ``(n,)`` fold of each sample, -1 for those that only train.
        fold: The one that is judged.
        blocks: ``(n,)`` number of the block of each sample; whole blocks validate. None holds
            nothing back, and trainings run to their last epoch.
        validation: Share of the other blocks that validate, 0 to 1.
        seed: Of their choice.

    >>> fold_roles(np.array([0, 0, 1, -1]), 0).train.tolist()
    [2, 3]
    """
    none = np.array([], np.int64)
    rest = np.flatnonzero(folds != fold)
    held = none
    if blocks is not None:
        names = np.unique(blocks[rest])
        number = max(round(validation * len(names)), 1)
        drawn = np.random.default_rng([seed, fold]).choice(names, number, replace=False)
        held = rest[np.isin(blocks[rest], drawn)]
    return Roles(
        train=np.setdiff1d(rest, held),
        validation=held,
        calibration=none,
        test=np.flatnonzero(folds == fold),
        buffered=none,
    )


def out_of_fold(
    classifier: Classifier,
    samples: Samples,
    folds: NDArray[np.integer],
    blocks: NDArray[np.integer] | None = None,
    *,
    progress: FoldProgress | None = None,
) -> NDArray[np.float32]:
    """Train once a fold and judge the fold's samples.

    Args:
        classifier: Trained anew for each fold.
        samples: Assemblages and habitats.
        folds: ``(n,)`` fold of each sample from 0, -1 for those that only train.
        blocks: ``(n,)`` number of the block of each sample, of which some then choose the epoch.
        progress: Told before each fold.

    Returns:
        ``(n, habitat)`` probabilities; not a number for samples without a fold.

    Raises:
        InputError: There is not one fold per sample, or there are fewer than two folds.
    """
    names = np.unique(folds[folds != NO_FOLD])
    if len(folds) != len(samples) or len(names) < 2:
        raise InputError(
            f"{len(folds)} samples are in folds {names[:8].tolist()}, expected {len(samples)} in "
            "2 folds at least: make them with the blocks of the same samples"
        )
    probability = np.full((len(samples), len(samples.habitats)), np.nan, np.float32)
    for number, fold in enumerate(names.tolist()):
        if progress is not None:
            progress(classifier.name, number, len(names))
        roles = fold_roles(folds, fold, blocks)
        fitted = classifier.fit(samples, roles)
        probability[roles.test] = fitted.predict_proba(samples.assemblages.select(roles.test))
    return probability


def out_of_fold_all(
    classifiers: Sequence[Classifier],
    samples: Samples,
    folds: NDArray[np.integer],
    blocks: NDArray[np.integer] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Judge the same folds by several classifiers.

    Args:
        classifiers: Each under its own name.
        samples: Assemblages and habitats.
        folds: ``(n,)`` as in `out_of_fold`.
        blocks: ``(n,)`` as in `out_of_fold`.

    Returns:
        Probabilities ``(n, habitat)`` by name.
    """
    return {each.name: out_of_fold(each, samples, folds, blocks) for each in classifiers}
