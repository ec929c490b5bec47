"""A model on disk: a folder of weights, card and checksums. Never a pickle.

``sha256sum --check SHA256SUMS`` inside the folder verifies it from a shell, too.
"""

import hashlib
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run.card import card_from_bytes, card_to_bytes
from biomap_xr.run.folder import digest, read_folder, write_folder
from biomap_xr.species.assembly import rebuilt
from biomap_xr.species.card import ModelCard
from biomap_xr.species.model import SpeciesModel

WEIGHTS = "model.safetensors"
CARD = "card.json"


def fingerprint(model: SpeciesModel) -> str:
    """Give the SHA-256 of a model's weights and card, in hexadecimal: equal for equal models."""
    return hashlib.sha256(card_to_bytes(_stamped(model.card, _weights(model)))).hexdigest()


def save_model(model: SpeciesModel, folder: Path) -> SpeciesModel:
    """Write a model so that the folder is there completely or not at all.

    It is written beside its place and renamed; a model that was there before is removed last.

    Args:
        model: To be written.
        folder: Its place; the folder above is made where missing.

    Returns:
        The model with the card as written, which holds the weights' SHA-256.
    """
    weights = _weights(model)
    model.card = _stamped(model.card, weights)
    write_folder({WEIGHTS: weights, CARD: card_to_bytes(model.card)}, folder)
    return model


def load_model(folder: Path, device: str | torch.device = "cpu") -> SpeciesModel:
    """Read a model and check that it is the one that was written.

    Args:
        folder: Written by ``save_model``.
        device: Where the weights go.

    Returns:
        The model, in inference mode.

    Raises:
        InputError: There is no model, it is of another format, or weights and card do not fit.
        CorruptError: A file is missing, truncated or changed.
    """
    if not (folder / CARD).is_file() and not (folder / WEIGHTS).is_file():
        raise InputError(
            f"{folder}: no {CARD} and no {WEIGHTS}, expected the folder of a saved model; train "
            "one or give its path"
        )
    contents = read_folder(folder, (WEIGHTS, CARD))
    card = card_from_bytes(ModelCard, contents[CARD], folder / CARD)
    if digest(contents[WEIGHTS]) != card.weights_sha256:
        raise CorruptError(
            f"{folder / WEIGHTS}: SHA-256 {digest(contents[WEIGHTS])}, the card expects "
            f"{card.weights_sha256}; the files are of two models: restore one or train again"
        )
    try:
        state = safetensors.torch.load(contents[WEIGHTS])
    except SafetensorError as error:
        raise CorruptError(
            f"{folder / WEIGHTS}: {len(contents[WEIGHTS])} bytes that are no safetensors "
            f"({error}); restore the file or train again"
        ) from error
    return rebuilt(card, state).to(torch.device(device))


def _weights(model: SpeciesModel) -> bytes:
    state: dict[str, Tensor] = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    return safetensors.torch.save(state)


def _stamped(card: ModelCard, weights: bytes) -> ModelCard:
    return card.model_copy(update={"weights_sha256": digest(weights)})
