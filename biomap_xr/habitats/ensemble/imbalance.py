"""Rare habitats beside frequent ones: class weights and losses (paper 2, class imbalance).

All strategies change what is minimised; no row is dropped or drawn twice.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from biomap_xr.habitats.ensemble.learners.settings import PerceptronImbalance, PerceptronSettings

Loss = Callable[[Tensor, Tensor], Tensor]
"""Mean loss () of logits (row, class) and numbers of true classes (row,)."""

WEIGHTED: tuple[PerceptronImbalance, ...] = (
    "weighted_cross_entropy",
    "weighted_focal",
    "weighted_ldam",
)


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights (class,) inversely proportional to frequencies (class,), scikit-learn's.

    Weights of all rows sum to the number of rows.

    >>> class_weights(np.array([30, 10])).round(3).tolist()
    [0.667, 2.0]
    """
    return counts.sum() / (len(counts) * counts)


def row_weights(
    labels: NDArray[np.int64], counts: NDArray[np.int64], *, weighted: bool
) -> NDArray[np.float64]:
    """Return the weight of each row (row,) by the class it is of, or 1 for all.

    Args:
        labels: Number of the class of each row (row,).
        counts: Rows of each class in training (class,).
        weighted: Whether classes are weighted at all.
    """
    return class_weights(counts)[labels] if weighted else np.ones(len(labels))


def focal_loss(
    logits: Tensor, labels: Tensor, gamma: float, weights: Tensor | None = None
) -> Tensor:
    """Return the focal loss as published: mean of (1 - exp(-ce))^gamma * ce.

    Where there are class weights (class,), ``ce`` is the weighted cross-entropy, so ``exp(-ce)`` is
    not the probability of the true class any more; this is what the published code does.

    Args:
        logits: (row, class).
        labels: Numbers of true classes (row,).
        gamma: Focusing parameter; 0 is the cross-entropy.
        weights: Of classes (class,).
    """
    entropy = cross_entropy(logits, labels, weight=weights, reduction="none")
    # -expm1 keeps the digits of 1 - exp(-ce) where ce is small, that is for rows classified well.
    return ((-torch.expm1(-entropy)) ** gamma * entropy).mean()


def margins(counts: NDArray[np.int64], largest: float = 0.5) -> NDArray[np.float64]:
    """Return LDAM's margins (class,): n^(-1/4), scaled so that the rarest class has the largest.

    Cao et al. 2019, equation 13.

    >>> margins(np.array([16, 1, 256])).tolist()
    [0.25, 0.5, 0.125]
    """
    raw = counts.astype(np.float64) ** -0.25
    return raw * (largest / raw.max())


def ldam_loss(
    logits: Tensor,
    labels: Tensor,
    margin: Tensor,
    scale: float = 30.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the label-distribution-aware margin loss.

    It is the cross-entropy of ``scale * (logits - margin of the true class, at the true class)``.

    Args:
        logits: (row, class).
        labels: Numbers of true classes (row,).
        margin: Of classes (class,).
        scale: What logits are multiplied with (s).
        weights: Of classes (class,); the mean is then the weighted one.
    """
    moved = logits.scatter_add(1, labels[:, None], -margin[labels][:, None])
    return cross_entropy(scale * moved, labels, weight=weights)


def make_loss(settings: PerceptronSettings, counts: NDArray[np.int64], device: str = "cpu") -> Loss:
    """Make the loss of a perceptron's imbalance strategy.

    Args:
        settings: Strategy, gamma, margin and scale.
        counts: Rows of each class in training (class,).
        device: Of the logits.
    """
    weights = None
    if settings.imbalance in WEIGHTED:
        weights = torch.tensor(class_weights(counts), dtype=torch.float32, device=device)
    if settings.imbalance in ("focal", "weighted_focal"):
        return lambda logits, labels: focal_loss(logits, labels, settings.gamma, weights)
    if settings.imbalance in ("ldam", "weighted_ldam"):
        margin = torch.tensor(margins(counts, settings.margin), dtype=torch.float32, device=device)
        return lambda logits, labels: ldam_loss(logits, labels, margin, settings.scale, weights)
    return lambda logits, labels: cross_entropy(logits, labels, weight=weights)
