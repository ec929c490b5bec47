"""A Pl@ntBERT on disk: the files of `transformers`, a card and checksums. Never a pickle.

Plain `transformers` reads the folder with `AutoTokenizer`,
`AutoModelForSequenceClassification` and the text-classification pipeline.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerBase

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.plantbert.model import HabitatModel, published_model
from biomap_xr.habitats.plantbert.tokenizer import load_tokenizer, sentence_tokens
from biomap_xr.run.card import card_from_bytes, card_to_bytes
from biomap_xr.run.folder import digest, read_folder, write_folder

WEIGHTS = "model.safetensors"
CONFIGURATION = "config.json"
CARD = "card.json"
TOKENIZER = "tokenizer.json"


def fingerprint(model: HabitatModel) -> str:
    """Give the SHA-256 of a model's weights and card, in hexadecimal: equal for equal models."""
    return digest(card_to_bytes(_stamped(model.card, weights_of(model.network))))


def save_model(model: HabitatModel, folder: Path) -> HabitatModel:
    """Write a model so that the folder is there completely or not at all.

    Args:
        model: To be written.
        folder: Its place; a model that was there before is removed last.

    Returns:
        The model with the card as written, which holds the weights' SHA-256.
    """
    weights = weights_of(model.network)
    saved = HabitatModel(
        model.network, model.tokenizer, model.tokens, _stamped(model.card, weights)
    )
    files = {
        WEIGHTS: weights,
        CONFIGURATION: (
            json.dumps(model.network.config.to_dict(), indent=2, sort_keys=True, default=str) + "\n"
        ).encode(),
        CARD: card_to_bytes(saved.card),
        **_tokenizer_files(model.tokenizer),
    }
    write_folder(files, folder)
    return saved


def load_model(folder: Path, device: str = "cpu") -> HabitatModel:
    """Read a model and check that it is the one that was written.

    Args:
        folder: Written by `save_model`.
        device: Where the weights go.

    Returns:
        The model, in inference mode.

    Raises:
        InputError: There is no model, it has no tokenizer or card, or its files do not fit.
        CorruptError: A file is missing, truncated or changed.
    """
    files = read_folder(folder)
    for name in (WEIGHTS, CONFIGURATION, CARD, TOKENIZER):
        if name not in files:
            raise InputError(
                f"{folder} has no {name}, only {sorted(files)}; expected the folder that "
                "save_model wrote: ids of another tokenizer would be other species"
            )
    card = card_from_bytes(HabitatCard, files[CARD], folder / CARD)
    if digest(files[WEIGHTS]) != card.weights_sha256:
        raise CorruptError(
            f"{folder / WEIGHTS}: SHA-256 {digest(files[WEIGHTS])}, the card expects "
            f"{card.weights_sha256}; the files are of two models: restore one or train again"
        )
    network = _network(files, folder).to(device).eval()
    tokenizer = load_tokenizer(folder)
    return HabitatModel(network, tokenizer, sentence_tokens(tokenizer, card.species), card)


def given_model(folder: Path, k: int, device: str = "cpu") -> HabitatModel:
    """Load a classifier to be used without training.

    Args:
        folder: Written by `save_model`, or by ``save_pretrained`` for a published model.
        k: Species of a sentence at most, for one that has no card.
        device: Where the weights go.

    Raises:
        InputError: There is no model, or its outputs are no EUNIS codes.
        CorruptError: A file of our own is missing, truncated or changed.
    """
    if (folder / CARD).is_file():
        return load_model(folder, device)
    return published_model(folder, k=k).to(device)


def check_given(folder: Path) -> None:
    """Make sure that a folder holds a classifier, without loading its weights.

    Raises:
        InputError: A file is missing.
    """
    for name in (CONFIGURATION, WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            raise InputError(
                f"habitats.by_species.model: {folder / name} is missing, expected the folder of a "
                "classifier that save_model or save_pretrained wrote; give its path, or leave the "
                "key out to train one"
            )


def weights_of(network: Any) -> bytes:
    """Return the weights of a network as safetensors; those that it shares are written once.

    Args:
        network: Of `transformers`, on any device.
    """
    seen: set[int] = set()
    state = {}
    for name, value in network.state_dict().items():
        # Tied weights are one tensor under two names, which `transformers` ties again.
        if value.data_ptr() not in seen:
            state[name] = value.detach().cpu().contiguous()
        seen.add(value.data_ptr())
    return safetensors.torch.save(state, metadata={"format": "pt"})


def _network(files: dict[str, bytes], folder: Path) -> Any:
    try:
        network = BertForSequenceClassification(
            BertConfig.from_dict(json.loads(files[CONFIGURATION]))
        )
        network.load_state_dict(safetensors.torch.load(files[WEIGHTS]))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{folder}: {WEIGHTS} ({len(files[WEIGHTS])} bytes) does not fit {CONFIGURATION} "
            f"({error}); expected both as save_model wrote them: train again"
        ) from error
    return network


def _tokenizer_files(tokenizer: PreTrainedTokenizerBase) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def _stamped(card: HabitatCard, weights: bytes) -> HabitatCard:
    return card.model_copy(update={"weights_sha256": digest(weights)})
