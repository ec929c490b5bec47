"""Map one formation: all voters over blocks of neighbouring cells."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.uncertainty import of_winner, spread
from biomap_xr.habitats.ensemble.vote import combine, committee, likeliest
from biomap_xr.habitats.ensemble.voters import FormationEnsemble

BLOCK = 2048
"""Cells at a time: what all voters say of them is held at once, 8 MB for 20 voters, 50 classes."""
NO_CLASS = -1
PERCENT = np.float32(100)


@dataclass(frozen=True, eq=False)
class EnsemblePrediction:
    """What an ensemble says of each cell; ``...`` is ``(y, x)`` or ``(row,)``, as the input."""

    probability: NDArray[np.float32]
    """(class, ...) 0 to 1, summing to 1; NaN where nothing was asked for or known."""
    winner: NDArray[np.int16]
    """(...) place of the most likely class, or `NO_CLASS`."""
    confidence: NDArray[np.float32]
    """(...) percent: probability of the winner; NaN where there is none, as in all below."""
    committee: NDArray[np.float32]
    """(...) percent of the voters whose most likely class is the winner."""
    model_spread: NDArray[np.float32]
    """(...) percent: deviation of the winner's probability between learners."""
    sampling_spread: NDArray[np.float32]
    """(...) percent: deviation of the winner's probability between folds."""


def predict_formation(
    ensemble: FormationEnsemble,
    predictors: NDArray[np.float32],
    *,
    wanted: NDArray[np.bool_] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> EnsemblePrediction:
    """Predict the habitats of one formation.

    Blocks of neighbouring cells are evaluated by all voters, so that memory beside the result is
    that of one block a thread. Cells that are not wanted, that no class is allowed in or that have
    no predictor at all cost nothing.

    Args:
        ensemble: Of the formation.
        predictors: Raw values ``(feature, y, x)``, or ``(row, feature)``, NaN where missing.
        wanted: ``(y, x)`` or ``(row,)`` cells that are asked for; None: all.
        allowed: ``(class, y, x)`` or ``(class, row)`` classes that a mask admits; they restrict
            which class wins, not the probabilities; None: all.
        threads: That blocks are spread over.

    Returns:
        Probabilities and measures of uncertainty.

    Raises:
        InputError: Shapes do not fit the ensemble or each other.
    """
    columns, shape = _rows(predictors, len(ensemble.features.names))
    size = columns.shape[1]
    admitted = None
    if allowed is not None:
        _check("allowed", allowed.shape, (len(ensemble.classes), *shape))
        admitted = allowed.reshape(len(allowed), size)
    cells = np.ones(size, bool)
    if wanted is not None:
        _check("wanted", wanted.shape, shape)
        cells = wanted.reshape(size).astype(bool)
    if admitted is not None:
        cells = cells & admitted.any(axis=0)
    order = _neighbours_first(np.flatnonzero(cells), shape)
    measures = (np.full(size, np.nan, np.float32) for _ in range(4))
    prediction = EnsemblePrediction(
        np.full((len(ensemble.classes), size), np.nan, np.float32),
        np.full(size, NO_CLASS, np.int16),
        *measures,
    )

    def fill(index: NDArray[np.int64]) -> None:
        _fill(ensemble, columns, admitted, index, prediction)

    blocks = (order[start : start + BLOCK] for start in range(0, len(order), BLOCK))
    # Blocks write to different cells, so that threads need no lock.
    if threads == 1:
        for block in blocks:
            fill(block)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, blocks))
    return EnsemblePrediction(
        prediction.probability.reshape(len(prediction.probability), *shape),
        prediction.winner.reshape(shape),
        prediction.confidence.reshape(shape),
        prediction.committee.reshape(shape),
        prediction.model_spread.reshape(shape),
        prediction.sampling_spread.reshape(shape),
    )


def _fill(
    ensemble: FormationEnsemble,
    columns: NDArray[np.float32],
    allowed: NDArray[np.bool_] | None,
    index: NDArray[np.int64],
    prediction: EnsemblePrediction,
) -> None:
    """Predict some cells of ``(feature, cell)`` and put them into their places."""
    values = np.ascontiguousarray(columns[:, index].T)
    # Sea has no predictor at all; single gaps are the learners' to fill.
    there = ~np.isnan(values).all(axis=1)
    if not there.all():
        index, values = index[there], values[there]
    if not len(index):
        return
    admitted = None if allowed is None else allowed[:, index].T
    votes = ensemble.probabilities(values)
    probability = combine(votes, ensemble.known, ensemble.voter_weights)
    winner = likeliest(probability, admitted)
    prediction.probability[:, index] = probability.T
    prediction.winner[index] = winner
    prediction.confidence[index] = PERCENT * probability[np.arange(len(index)), winner]
    choice = likeliest(votes, admitted)
    share = committee(choice, ensemble.known, winner, ensemble.vote.denominator)
    prediction.committee[index] = PERCENT * share
    given, counts = of_winner(votes, winner), ensemble.known[:, winner]
    prediction.model_spread[index] = PERCENT * spread(given, counts, ensemble.learners)
    prediction.sampling_spread[index] = PERCENT * spread(given, counts, ensemble.folds)


def _rows(
    predictors: NDArray[np.float32], features: int
) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """Return predictors as ``(feature, cell)``, and the shape of the cells."""
    if predictors.ndim == 3 and predictors.shape[0] == features:
        return predictors.reshape(features, -1), predictors.shape[1:]
    if predictors.ndim == 2 and predictors.shape[1] == features:
        return predictors.T, predictors.shape[:1]
    raise InputError(
        f"predictors have the shape {predictors.shape}, expected ({features}, y, x) or (row, "
        f"{features}) as at training; select them by the ensemble's feature table"
    )


def _check(name: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise InputError(
            f"{name} has the shape {found}, expected {expected} as the predictors and classes "
            "have it; cut it to the same window"
        )


def _neighbours_first(cells: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return flat indices in the order of a Z-curve: any 64 in a row are near each other.

    >>> _neighbours_first(np.arange(16), (4, 4)).tolist()
    [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]
    """
    # Of rows nothing is known but their order.
    if len(shape) == 1:
        return cells
    row, column = np.divmod(cells, shape[1])
    key = np.zeros(len(cells), np.int64)
    for bit in range(max(shape).bit_length()):
        key |= ((column >> bit & 1) << 2 * bit) | ((row >> bit & 1) << 2 * bit + 1)
    return cells[np.argsort(key)]
