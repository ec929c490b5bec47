"""Gives a trained model its thresholds, from surveys that its training never saw."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.scoring import probabilities
from biomap_xr.species.settings import Modality, ThresholdSettings
from biomap_xr.species.thresholds import choose


def calibrate(
    model: SpeciesModel,
    inputs: Mapping[Modality, NDArray[Any]],
    presence: csr_array,
    indices: NDArray[np.int64],
    settings: ThresholdSettings,
) -> SpeciesModel:
    """Choose the thresholds of a model and keep them in its card.

    Args:
        model: Trained; its card is replaced.
        inputs: Raw values (n, ...) by modality.
        presence: ``(n, species)``.
        indices: Surveys of the calibration blocks.
        settings: How thresholds are chosen.

    Returns:
        The same model.
    """
    probability = probabilities(model, inputs, indices)
    thresholds = choose(probability, presence[indices].toarray() > 0, settings)
    model.card = model.card.model_copy(update={"thresholds": thresholds})
    return model
