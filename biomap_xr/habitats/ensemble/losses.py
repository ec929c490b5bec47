"""What a perceptron minimises where habitats are rare (paper 2, class imbalance)."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from biomap_xr.habitats.ensemble.imbalance import class_weights, margins
from biomap_xr.habitats.ensemble.learners.settings import PerceptronImbalance, PerceptronSettings

Loss = Callable[[Tensor, Tensor], Tensor]
"""Mean loss () of logits ``(row, class)`` and numbers of true classes ``(row,)``."""

WEIGHTED: tuple[PerceptronImbalance, ...] = (
    "weighted_cross_entropy",
    "weighted_focal",
    "weighted_ldam",
)


def focal_loss(
    logits: Tensor, labels: Tensor, gamma: float, weights: Tensor | None = None
) -> Tensor:
    """Return the focal loss as published: mean of (1 - exp(-ce))^gamma * ce.

    Where there are class weights ``(class,)``, ``ce`` is the weighted cross-entropy, so
    ``exp(-ce)`` is not the probability of the true class any more; this is what the published code
    does.

    Args:
        logits: ``(row, class)``.
        labels: Numbers of true classes ``(row,)``.
        gamma: Focusing parameter; 0 is the cross-entropy.
        weights: Of classes ``(class,)``.
    """
    entropy = cross_entropy(logits, labels, weight=weights, reduction="none")
    # -expm1 keeps the digits of 1 - exp(-ce) where ce is small, that is for rows classified well.
    return ((-torch.expm1(-entropy)) ** gamma * entropy).mean()


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
        logits: ``(row, class)``.
        labels: Numbers of true classes ``(row,)``.
        margin: Of classes ``(class,)``.
        scale: What logits are multiplied with (s).
        weights: Of classes ``(class,)``; the mean is then the weighted one.
    """
    moved = logits.scatter_add(1, labels[:, None], -margin[labels][:, None])
    return cross_entropy(scale * moved, labels, weight=weights)


def make_loss(settings: PerceptronSettings, counts: NDArray[np.int64], device: str = "cpu") -> Loss:
    """Make the loss of a perceptron's imbalance strategy.

    Args:
        settings: Strategy, gamma, margin and scale.
        counts: Rows of each class in training ``(class,)``.
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
