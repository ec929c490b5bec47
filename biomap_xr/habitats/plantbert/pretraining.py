"""First stage: species are guessed from those around them (paper 1, "Species-to-Species")."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from biomap_xr.fitting import Step
from biomap_xr.habitats.plantbert.masking import blocks_of_text, mask_species
from biomap_xr.habitats.plantbert.settings import PretrainingSettings
from biomap_xr.habitats.plantbert.variation import shuffled_batches
from biomap_xr.habitats.sentences import END, SentenceTokens


class MaskedSpecies:
    """Guessing hidden species, sentence by sentence or in blocks of joined text."""

    stage = "pretraining"

    def __init__(
        self,
        network: Any,
        sentences: NDArray[np.int32],
        tokens: SentenceTokens,
        settings: PretrainingSettings,
    ) -> None:
        """Prepare the text.

        Args:
            network: ``BertForMaskedLM``.
            sentences: ``(n, K)`` indices of species, -1 behind the last.
            tokens: Their ids.
            settings: Share and packing.
        """
        self.network = network
        self.tokens = tokens
        self.settings = settings
        self.ids, self.attention = tokens.encode(sentences)
        if settings.packing == "concatenate":
            longest = int(network.config.max_position_embeddings)
            self.ids = blocks_of_text(self.ids, self.attention, longest)
            self.attention = np.ones_like(self.ids)
        self.lengths = self.attention.sum(axis=1)
        self.steps = -(-len(self.ids) // settings.batch)

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        """Deal sentences or blocks out into batches."""
        return shuffled_batches(self.lengths, self.settings.batch, generator)

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        """Hide species of some rows and guess them: cross-entropy over the vocabulary."""
        longest = int(self.lengths[rows].max())
        ids, attention = self.ids[rows, :longest], self.attention[rows, :longest]
        masked = mask_species(ids, self.tokens, self.settings.share, generator)
        device = next(self.network.parameters()).device
        shown, seen, chosen, truth = (
            torch.from_numpy(array).to(device)
            for array in (masked.ids, attention, masked.chosen, ids[masked.chosen])
        )
        hidden = self.network.bert(input_ids=shown, attention_mask=seen).last_hidden_state
        # The vocabulary is wide, so scores are computed where something is to be guessed.
        scores = self.network.cls(hidden[chosen])
        right = (scores.argmax(dim=-1) == truth).sum()
        return Step(cross_entropy(scores.float(), truth), max(len(truth), 1), right)

    def validate(self) -> None:
        """Nothing is held back: the last epoch is kept, as published."""


def readable(sentences: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the sentences that have a species ``(n, K)``: others have nothing to guess."""
    return sentences[sentences[:, 0] != END]
