"""Predictions at sites, batch by batch."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import batches, read
from biomap_xr.species.settings import Modality


@torch.no_grad()
def logits(
    model: SpeciesModel,
    inputs: Mapping[Modality, NDArray[Any]],
    indices: NDArray[np.int64],
    *,
    batch: int = 256,
) -> NDArray[np.float32]:
    """Predict sites one batch after the other, in inference mode.

    Args:
        model: Any species model.
        inputs: Raw values (n, ...) by modality, arrays or memory maps.
        indices: Sites to predict.
        batch: Sites at once.

    Returns:
        ``(sites, species)`` float32.
    """
    was_training = model.training
    model.eval()
    wanted = {name: inputs[name] for name in model.modalities}
    parts = []
    for part in batches(indices, batch):
        raw = {name: values.to(model.device) for name, values in read(wanted, part).items()}
        parts.append(model(raw).float().cpu().numpy())
    model.train(was_training)
    return cast("NDArray[np.float32]", np.concatenate(parts))


def probabilities(
    model: SpeciesModel,
    inputs: Mapping[Modality, NDArray[Any]],
    indices: NDArray[np.int64],
    *,
    batch: int = 256,
) -> NDArray[np.float32]:
    """Predict the chance of presence at sites: the sigmoid of ``logits``, ``(sites, species)``."""
    return torch.sigmoid(torch.from_numpy(logits(model, inputs, indices, batch=batch))).numpy()
