"""One scale and one shift of all logits, so that probabilities keep what they promise.

Platt scaling (Platt 1999) pooled over species: expected richness is a sum of probabilities, so a
bias that no ranking metric sees would go straight into every indicator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from biomap_xr.errors import InputError
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.scoring import logits
from biomap_xr.species.settings import Modality


@dataclass(frozen=True)
class Rescaling:
    """New logit = scale x logit + shift, the same for every species."""

    scale: float
    shift: float


def fit_rescaling(logit: NDArray[np.floating[Any]], presence: NDArray[np.bool_]) -> Rescaling:
    """Find the scale and shift with the lowest binary cross-entropy.

    Args:
        logit: ``(surveys, species)``.
        presence: ``(surveys, species)`` what was found.

    Raises:
        InputError: There is no survey, or nothing was found, or everything everywhere.

    >>> half = np.array([[True, False]])
    >>> round(fit_rescaling(np.array([[0.0, 0.0]]), half).shift, 3)
    0.0
    """
    if not presence.any() or presence.all():
        raise InputError(
            f"{len(presence)} surveys with {int(presence.sum())} presences cannot recalibrate a "
            "model, expected some present and some absent; give validation more blocks"
        )
    values, found = logit.astype(np.float64), presence.astype(np.float64)

    def loss(parts: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = parts[0] * values + parts[1]
        error = expit(scaled) - found
        entropy = np.mean(np.logaddexp(0, scaled) - found * scaled)
        return float(entropy), np.array([np.mean(error * values), np.mean(error)])

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return Rescaling(float(best[0]), float(best[1]))


def rescale(model: SpeciesModel, rescaling: Rescaling) -> SpeciesModel:
    """Fold a scale and a shift into the linear head, exactly; the model given is changed."""
    with torch.no_grad():
        model.head.weight.mul_(rescaling.scale)
        model.head.bias.mul_(rescaling.scale).add_(rescaling.shift)
    return model


def recalibrate(
    model: SpeciesModel,
    inputs: Mapping[Modality, NDArray[Any]],
    presence: csr_array,
    indices: NDArray[np.int64],
) -> SpeciesModel:
    """Recalibrate a trained model on surveys, and say so in its card.

    Args:
        model: Trained; it is changed.
        inputs: Raw values (n, ...) by modality.
        presence: ``(n, species)`` what surveys found.
        indices: Surveys that neither weights nor thresholds were fitted on.
    """
    rescaling = fit_rescaling(logits(model, inputs, indices), presence[indices].toarray() > 0)
    told = {**model.card.training, "recalibration": vars(rescaling)}
    model.card = model.card.model_copy(update={"training": told})
    return rescale(model, rescaling)
