"""Second stage: ranked species are classified (paper 1, "Species-to-Habitat Classification")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn.functional import cross_entropy

from biomap_xr.fitting import Step, Validation
from biomap_xr.habitats.plantbert.model import by_length
from biomap_xr.habitats.plantbert.settings import FineTuningSettings
from biomap_xr.habitats.plantbert.variation import hidden_species, shuffled_batches, varied
from biomap_xr.habitats.sentences import END, SentenceTokens

AT_ONCE = 256
"""Sentences of a batch in validation, which needs no gradients."""


Teacher = Callable[[NDArray[np.integer]], NDArray[np.float32]]
"""Gives probabilities ``(n, habitat)`` of sentences ``(n, K)``."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Sentences whose habitat is known."""

    sentences: NDArray[np.int32]
    """``(n, K)`` indices of species, -1 behind the last."""
    label: NDArray[np.int64]
    """``(n,)`` index of the habitat."""

    def __len__(self) -> int:
        return len(self.label)


class Classification:
    """Naming the habitat of a sentence."""

    stage = "fine_tuning"

    def __init__(
        self,
        network: Any,
        training: Labelled,
        validation: Labelled,
        tokens: SentenceTokens,
        settings: FineTuningSettings,
        *,
        teacher: Teacher | None = None,
    ) -> None:
        """Take the data.

        Args:
            network: ``BertForSequenceClassification``.
            training: To learn from.
            validation: To choose the epoch by; may be empty.
            tokens: Ids of the species.
            settings: Order, weights of classes and what the best epoch is chosen by.
            teacher: Whose answers are part of the targets; needed where its share is above 0.
        """
        self.network = network
        self.training = training
        self.validation = validation
        self.tokens = tokens
        self.settings = settings
        self.teacher = teacher if settings.teacher else None
        self.lengths = (training.sentences != END).sum(axis=1)
        self.steps = -(-len(training) // settings.batch)
        self.weight = class_weights(training.label, int(network.config.num_labels), settings)

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        """Deal training sentences out into batches."""
        return shuffled_batches(self.lengths, self.settings.batch, generator)

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        """Read some sentences, varied, and compute the weighted cross-entropy."""
        longest = max(int(self.lengths[rows].max()), 1)
        sentences = varied(self.training.sentences[rows, :longest], self.settings, generator)
        ids, attention = self.tokens.encode(sentences)
        ids = hidden_species(ids, self.tokens, self.settings.hidden_species, generator)
        scores = self._scores(ids, attention)
        truth = torch.from_numpy(self.training.label[rows]).to(scores.device)
        loss = self._loss(scores, truth, sentences)
        return Step(loss, len(rows), (scores.argmax(dim=-1) == truth).sum())

    def validate(self) -> Validation | None:
        """Mean cross-entropy and accuracy over the validation sentences, as they are."""
        if not len(self.validation):
            return None
        total, right = 0.0, 0
        for rows, sentences in by_length(self.validation.sentences, AT_ONCE):
            scores = self._scores(*self.tokens.encode(sentences))
            truth = torch.from_numpy(self.validation.label[rows]).to(scores.device)
            total += float(cross_entropy(scores, truth, reduction="sum"))
            right += int((scores.argmax(dim=-1) == truth).sum())
        loss, accuracy = total / len(self.validation), right / len(self.validation)
        return Validation(loss, loss if self.settings.monitor == "loss" else -accuracy, accuracy)

    def _loss(self, scores: Tensor, truth: Tensor, sentences: NDArray[np.int32]) -> Tensor:
        """Compare scores ``(n, habitat)`` with habitats ``(n,)`` and with what the teacher says."""
        weight = self.weight.to(scores.device)
        smoothing = self.settings.label_smoothing
        loss = cross_entropy(scores, truth, weight=weight, label_smoothing=smoothing)
        if self.teacher is None:
            return loss
        said = torch.from_numpy(self.teacher(sentences)).to(scores.device)
        share = self.settings.teacher
        return (1 - share) * loss + share * cross_entropy(scores, said, weight=weight)

    def _scores(self, ids: NDArray[np.int64], attention: NDArray[np.int64]) -> Tensor:
        """Read token ids ``(n, L)``; scores ``(n, habitat)``."""
        device = next(self.network.parameters()).device
        given = (torch.from_numpy(array).to(device) for array in (ids, attention))
        return self.network(*given).logits.float()


def class_weights(label: NDArray[np.int64], habitats: int, settings: FineTuningSettings) -> Tensor:
    """Return how much each habitat counts in the loss.

    Args:
        label: ``(n,)`` of the training sentences.
        habitats: How many there are.
        settings: Equal weights, or ``balanced``: inverse to the number of sentences.

    Returns:
        ``(habitats,)``; with ``balanced`` the mean over the sentences is 1.
    """
    if settings.class_weights == "none":
        return torch.ones(habitats)
    there = np.unique(label)
    weight = np.ones(habitats, np.float32)
    weight[there] = compute_class_weight("balanced", classes=there, y=label)
    return torch.from_numpy(weight)
