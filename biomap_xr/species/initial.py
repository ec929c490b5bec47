"""Models before training: normalisation fitted, head at the species' prevalences."""

from collections.abc import Mapping

import numpy as np
import torch

from biomap_xr.errors import InputError
from biomap_xr.species.card import ModelCard
from biomap_xr.species.fitting import fit
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples
from biomap_xr.species.settings import Modality, ModalitySettings


def initial_model(
    samples: Samples, branches: Mapping[Modality, ModalitySettings], *, seed: int
) -> SpeciesModel:
    """Make an untrained model that predicts each species' prevalence everywhere but for noise.

    Args:
        samples: Normalisation and prevalence come from their training sites only.
        branches: Encoder and normalisation of each modality to be read.
        seed: Of the random weights.

    Returns:
        The model, in training mode.

    Raises:
        InputError: A modality has no inputs, or inputs do not fit their modality.
    """
    card = new_card(samples, branches)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SpeciesModel(card=card)
    start_at_prevalence(model, samples)
    return model


def new_card(samples: Samples, branches: Mapping[Modality, ModalitySettings]) -> ModelCard:
    """Describe a model of the samples' species, its normalisation fitted to their training sites.

    Raises:
        InputError: A modality has no inputs, or inputs do not fit their modality.
    """
    absent = [name for name in branches if name not in samples.inputs]
    if absent:
        raise InputError(
            f"samples: no inputs of {absent[0]!r} among {sorted(samples.inputs)}, the recipe's "
            "model reads it; give them or leave the modality out of the recipe"
        )
    train = samples.roles.train
    return ModelCard(
        modalities={name: branch.encoder for name, branch in branches.items()},
        species_id=samples.species.ids,
        species=samples.species.names,
        normalisation={
            name: fit(name, samples.inputs[name], train, branch.normalisation)
            for name, branch in branches.items()
        },
    )


def start_at_prevalence(model: SpeciesModel, samples: Samples) -> None:
    """Set the head's bias to the logit of each species' prevalence.

    Rare species would otherwise spend most of a short training on learning that they are rare.
    """
    prevalence = samples.prevalence()
    with torch.no_grad():
        model.head.bias.copy_(torch.from_numpy(np.log(prevalence / (1 - prevalence))))
        model.head.weight.mul_(0.1)
