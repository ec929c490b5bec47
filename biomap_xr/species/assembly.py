"""Models put together from other models' weights, or from published ones."""

from collections.abc import Mapping

import torch
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.species.card import ModelCard
from biomap_xr.species.encoders.published import PREFIXES, branch_state
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples
from biomap_xr.species.settings import Modality, PublishedSettings


def rebuilt(card: ModelCard, state: Mapping[str, Tensor]) -> SpeciesModel:
    """Make a model of a card and put weights into it.

    Args:
        card: Architecture and species.
        state: Tensors by the names of ``SpeciesModel.state_dict``.

    Returns:
        The model, in inference mode.

    Raises:
        InputError: A tensor is missing, unknown or of another shape.
    """
    model = SpeciesModel(card=card)
    try:
        model.load_state_dict(dict(state))
    except RuntimeError as error:
        raise InputError(
            f"weights do not fit the card of {list(card.modalities)} and "
            f"{len(card.species_id)} species: {' '.join(str(error).split())}; expected tensors of "
            "these shapes; give the card that belongs to them"
        ) from error
    return model.eval()


def widened(model: SpeciesModel, samples: Samples) -> SpeciesModel:
    """Let a model of small windows read the samples' larger ones, weights unchanged.

    Args:
        model: Its encoders average over all positions, so that they take windows of any size.
        samples: With Sentinel-2 windows ``(n, 4, window, window)``.

    Returns:
        The same model for the larger windows, in inference mode.
    """
    shape = tuple(int(size) for size in samples.inputs["sentinel2"].shape[1:])
    card = model.card
    normalisation = card.normalisation["sentinel2"].model_copy(update={"shape": shape})
    both = {**card.normalisation, "sentinel2": normalisation}
    return rebuilt(card.model_copy(update={"normalisation": both}), model.state_dict())


def join(branches: Mapping[Modality, SpeciesModel]) -> SpeciesModel:
    """Join single-modality models into one whose logits are the mean of theirs.

    Args:
        branches: Models of one modality each, of one species table.

    Returns:
        The ensemble, in inference mode.

    Raises:
        InputError: There are no branches, or they know different species.
    """
    if not branches:
        raise InputError("ensemble: 0 branches, expected at least 1; train a modality first")
    cards = [model.card for model in branches.values()]
    for other in cards[1:]:
        other.require_species(cards[0].species_id)
    card = cards[0].model_copy(
        update={
            "modalities": {name: model.card.modalities[name] for name, model in branches.items()},
            "normalisation": {
                name: model.card.normalisation[name] for name, model in branches.items()
            },
            "training": {},
        }
    )
    card = ModelCard.model_validate(card.model_dump())
    state: dict[str, Tensor] = {}
    for model in branches.values():
        state |= {name: value for name, value in model.state_dict().items() if "head" not in name}
    heads = [branches[name].head for name in card.modalities]
    state["head.weight"] = torch.cat([head.weight for head in heads], dim=1) / len(heads)
    state["head.bias"] = torch.stack([head.bias for head in heads]).mean(0)
    return rebuilt(card, state)


def load_published(state: Mapping[str, Tensor], card: ModelCard) -> SpeciesModel:
    """Fill a model of published encoders from a published state dict.

    Args:
        state: Of the ensemble (``landsat_model.``, ``bioclim_model.``, ``sentinel_model.``,
            ``fc1``) or of a single modality (``conv1`` ... ``fc``); read from its file with
            ``weights_only=True``.
        card: Modalities with published encoders, species and normalisation.

    Returns:
        The model, in inference mode.

    Raises:
        InputError: The card asks for another encoder, tensors are missing, or shapes differ.
    """
    for name, encoder in card.modalities.items():
        if not isinstance(encoder, PublishedSettings) or encoder.standardise:
            raise InputError(
                f"modality {name!r} has encoder {encoder}, published weights expect kind "
                "'published' without standardise; change the card"
            )
    single = "fc.weight" in state
    target = {
        f"encoders.{name}.{layer}": value
        for name in card.modalities
        for layer, value in branch_state(state, "" if single else PREFIXES[name]).items()
    }
    head = "fc" if single else "fc1"
    for part in ("weight", "bias"):
        if f"{head}.{part}" not in state:
            raise InputError(
                f"state dict has no '{head}.{part}', expected the published head; it holds "
                f"{sorted(state)[:3]} ...; check the checkpoint"
            )
        target[f"head.{part}"] = state[f"{head}.{part}"]
    return rebuilt(card, target)
