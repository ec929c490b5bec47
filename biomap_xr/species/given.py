"""A model that a recipe gives: its weights are used as they are, without any training.

Either the folder of a saved model, with its card, or a file of published weights, whose card comes
from the recipe and its sites.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.run.card import card_from_bytes
from biomap_xr.species.artefact import CARD, WEIGHTS, load_model
from biomap_xr.species.assembly import load_published
from biomap_xr.species.card import ModelCard
from biomap_xr.species.initial import new_card
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples
from biomap_xr.species.settings import WEIGHT_FILES, Modality, SpeciesSettings


def files_of_weights(path: Path) -> tuple[Path, ...]:
    """Return the files whose content a given model is.

    >>> [path.name for path in files_of_weights(Path("models/mme.pth"))]
    ['mme.pth']
    """
    return (path,) if path.suffix in WEIGHT_FILES else (path / CARD, path / WEIGHTS)


def check_weights(settings: SpeciesSettings) -> None:
    """Look at a recipe's weights, without reading more of them than their card.

    Raises:
        InputError: A file is missing, or the card's modalities are not the recipe's.
    """
    path = settings.weights
    if path is None:
        return
    missing = [file for file in files_of_weights(path) if not file.is_file()]
    if missing:
        raise InputError(
            f"species.weights: {missing[0]} is missing, expected the folder of a saved model or a "
            f"file of published weights ({', '.join(WEIGHT_FILES)}); give its path, or leave the "
            "key out to train"
        )
    if path.suffix not in WEIGHT_FILES:
        card = card_from_bytes(ModelCard, (path / CARD).read_bytes(), path / CARD)
        _check_modalities(card, settings, path)


def given_model(settings: SpeciesSettings, samples: Samples, device: str = "cpu") -> SpeciesModel:
    """Load the weights of a recipe.

    Args:
        settings: With ``weights``.
        samples: Species and, for published weights, the training sites that a normalisation is
            fitted to where the recipe has no preset.
        device: Where the weights go.

    Returns:
        The model, in inference mode. That of a folder keeps its own species and thresholds; a
        published one has the species of the samples, and no thresholds yet.

    Raises:
        InputError: There are no weights, or they do not fit the recipe or the samples.
        CorruptError: A file of the folder is not the one that was written.
    """
    check_weights(settings)
    path = settings.weights
    if path is None:
        raise InputError("species.weights is not set, expected a folder or a file; train a model")
    if path.suffix not in WEIGHT_FILES:
        model = load_model(path, device)
        _check_shapes(model.card, samples.inputs, path)
        return model
    state = rows_of_species(read_state(path), samples.species.ids, path)
    return load_published(state, new_card(samples, settings.modalities)).to(device)


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a file of tensors by name; no code in it is ever run.

    Raises:
        InputError: It is neither safetensors nor a state dict of Torch.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(
            f"{path} cannot be read as weights ({str(error).splitlines()[0]}); expected "
            "safetensors, or a state dict that torch.save wrote: copy or convert it again"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(each, Tensor) for each in state.values()):
        raise InputError(
            f"{path} holds {type(state).__name__}, expected a mapping of names to tensors: save "
            "model.state_dict() alone"
        )
    return state


def rows_of_species(
    state: Mapping[str, Tensor], species_id: tuple[int, ...], path: Path
) -> dict[str, Tensor]:
    """Pick the rows of a published head that are the species of a table.

    In the published code the id of a species is its row; a head of as many rows as there are
    species is taken in their order where ids are others.

    Args:
        state: With ``fc1`` or ``fc``, if it is a published one.
        species_id: Ids in the table's order.
        path: Of the file, for the message.

    Raises:
        InputError: The head has no row for a species.
    """
    head = "fc" if "fc.weight" in state else "fc1"
    names = [f"{head}.weight", f"{head}.bias"]
    if any(name not in state for name in names):
        return dict(state)
    rows, largest = len(state[names[0]]), max(species_id)
    if largest < rows and min(species_id) >= 0:
        chosen = torch.tensor(species_id)
        return {**state, **{name: state[name][chosen] for name in names}}
    if rows != len(species_id):
        raise InputError(
            f"{path}: its head has {rows} species, the observations have {len(species_id)} with "
            f"ids up to {largest}; expected ids that are rows of the head, or as many species: "
            "give observations with the ids of the published table"
        )
    return dict(state)


def _check_modalities(card: ModelCard, settings: SpeciesSettings, path: Path) -> None:
    if set(card.modalities) != set(settings.modalities):
        raise InputError(
            f"species.weights: {path} reads {list(card.modalities)}, the recipe's modalities are "
            f"{list(settings.modalities)}; expected the same: correct species.modalities"
        )


def _check_shapes(card: ModelCard, inputs: Mapping[Modality, NDArray[Any]], path: Path) -> None:
    for name, normalisation in card.normalisation.items():
        shape = tuple(inputs[name].shape[1:])
        if shape != normalisation.shape:
            raise InputError(
                f"species.weights: {path} reads {name} of shape {normalisation.shape}, the "
                f"recipe's inputs have {shape}; expected the same: take the model's windows, "
                "slots and predictors"
            )
