"""A trained Pl@ntBERT: network, tokenizer and card, which belong together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import BertForSequenceClassification, PreTrainedTokenizerBase

from biomap_xr.errors import InputError
from biomap_xr.habitats import eunis
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.plantbert.network import published_network
from biomap_xr.habitats.plantbert.tokenizer import load_tokenizer, sentence_tokens, species_of
from biomap_xr.habitats.sentences import END, NAMED, SentenceTokens

SPARE = 3
"""Tokens that are no species: [CLS], [SEP] and half a comma, rounded up."""


@dataclass(frozen=True, eq=False)
class HabitatModel:
    """What names the habitat of a sentence of species."""

    network: Any
    """``BertForSequenceClassification``, in inference mode."""
    tokenizer: PreTrainedTokenizerBase
    """Which reads the text of a sentence."""
    tokens: SentenceTokens
    """The ids of the tokenizer, for sentences without their text."""
    card: HabitatCard

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    def to(self, device: str | torch.device) -> Self:
        """Return the model with its weights, which are moved, on a device."""
        return replace(self, network=self.network.to(torch.device(device)))

    @torch.inference_mode()
    def predict_proba(
        self, sentences: NDArray[np.integer], *, batch: int = 256
    ) -> NDArray[np.float32]:
        """Return the probability of each habitat.

        Args:
            sentences: ``(n, K)`` indices of the card's species, -1 behind the last.
            batch: Sentences that are read at once.

        Returns:
            ``(n, habitat)``, 0 to 1; rows sum to 1. NaN where a sentence has no species: nothing
            is known of such a place, and the network would name one habitat for all of them.

        Raises:
            InputError: These are no sentences, or are longer than the network reads.
        """
        self.check_length(sentences)
        self.network.eval()
        shape = (len(sentences), len(self.card.habitats))
        probability = np.full(shape, np.nan, np.float32)
        told = np.flatnonzero((sentences != END).any(axis=1))
        for places, part in by_length(sentences[told], batch):
            ids, attention = (
                torch.from_numpy(array).to(self.device) for array in self.tokens.encode(part)
            )
            logits = self.network(input_ids=ids, attention_mask=attention).logits
            probability[told[places]] = logits.float().softmax(dim=-1).cpu().numpy()
        return probability

    def check_length(self, sentences: NDArray[np.integer]) -> None:
        """Refuse sentences that are longer than the network can read.

        Raises:
            InputError: They are.
        """
        longest = int(self.network.config.max_position_embeddings)
        tokens = 2 * sentences.shape[-1] + 1
        if tokens > longest:
            raise InputError(
                f"sentences of {sentences.shape[-1]} species are {tokens} tokens, the network "
                f"reads {longest}; expected at most {(longest - 1) // 2} species: lower k"
            )

    def require_species(self, species: tuple[str, ...]) -> None:
        """Refuse another table of species than the model's own.

        Args:
            species: Names in the order that sentences index them.

        Raises:
            InputError: Names or their order differ.
        """
        if tuple(species) == self.card.species:
            return
        known = set(self.card.species)
        foreign = [name for name in species if name not in known]
        raise InputError(
            f"species table: {len(species)} species, Pl@ntBERT was trained on "
            f"{len(self.card.species)}, {len(foreign)} are not in its vocabulary "
            f"({foreign[:NAMED]}); expected the same names in the same order: translate them with "
            "sentences_of, or train one for this table"
        )


def by_length(
    sentences: NDArray[np.integer], batch: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.integer]]]:
    """Cut sentences into batches of similar length, without columns that none of them fills.

    Args:
        sentences: ``(n, K)`` indices, -1 behind the last.
        batch: Sentences of a batch at most.

    Yields:
        The rows of a batch, and their sentences (batch, longest of them).
    """
    length = (sentences != END).sum(axis=1)
    order = np.argsort(length, kind="stable")
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        yield rows, sentences[rows, : max(int(length[rows[-1]]), 1)]


def published_model(
    name_or_path: str | Path, *, k: int | None = None, offline: bool = True
) -> HabitatModel:
    """Load a model that was published without a card: its habitats and species are its own.

    Args:
        name_or_path: Model id on the hub, or folder that ``save_pretrained`` wrote.
        k: Species of a sentence at most; as many as the network can read where None.
        offline: Read only files that are on this machine.

    Raises:
        InputError: There is no such model, tokenizer or safetensors, an output is no EUNIS code,
            or two of them are the same or have one number on a map.
    """
    source = str(name_or_path)
    tokenizer = load_tokenizer(source, offline=offline)
    network = published_network(BertForSequenceClassification, source, offline=offline)
    names = [network.config.id2label[index] for index in range(network.config.num_labels)]
    try:
        codes = [eunis.normalise(name) for name in names]
    except InputError as error:
        raise InputError(
            f"{source!r}: the {len(names)} outputs are {names[:NAMED]}, expected EUNIS codes: give "
            f"a model that classifies habitats, or train one ({error})"
        ) from error
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InputError(
            f"{source!r}: {', '.join(twice[:NAMED])} names several of the {len(codes)} outputs; "
            "expected each code once: correct id2label in config.json"
        )
    ordered = eunis.in_order(codes)
    order = [codes.index(code) for code in ordered]
    head: nn.Linear = network.classifier
    with torch.no_grad():
        head.weight.copy_(head.weight[order].clone())
        head.bias.copy_(head.bias[order].clone())
    network.config.id2label = dict(enumerate(ordered))
    network.config.label2id = {code: index for index, code in network.config.id2label.items()}
    longest = (int(network.config.max_position_embeddings) - SPARE) // 2 + 1
    species = species_of(tokenizer)
    card = HabitatCard(
        habitats=tuple(network.config.id2label.values()),
        species=species,
        k=min(k or longest, longest),
        provenance={"published_model": source},
    )
    return HabitatModel(network.eval(), tokenizer, sentence_tokens(tokenizer, species), card)
