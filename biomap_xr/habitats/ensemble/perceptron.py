"""Fully connected networks for tables, and how they are trained (paper 2, neural networks)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biomap_xr.errors import InputError
from biomap_xr.fitting import Course, Fitted, Step, Validation, Watching, device_of, fit, seeded
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import PerceptronSettings
from biomap_xr.habitats.ensemble.losses import Loss, make_loss
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.folder import digest


def embedding_size(categories: int) -> int:
    """Return the dimensions of an embedding: min(600, round(1.6 n^0.56)).

    >>> embedding_size(10), embedding_size(27), embedding_size(100_000)
    (6, 10, 600)
    """
    return min(600, round(1.6 * categories**0.56))


class Network(nn.Module):
    """Layers of linear map, batch norm, ReLU and dropout, then a linear map to the classes."""

    def __init__(
        self,
        *,
        numeric: int,
        categories: Sequence[int],
        classes: int,
        settings: PerceptronSettings,
    ) -> None:
        super().__init__()
        self.numeric = numeric
        # Number 0, a missing category or one never seen, stays a vector of zeros.
        self.embeddings = nn.ModuleList(
            nn.Embedding(count + 1, embedding_size(count), padding_idx=0) for count in categories
        )
        width = numeric + sum(map(embedding_size, categories))
        layers: list[nn.Module] = []
        for hidden in settings.widths:
            layers.append(nn.Linear(width, hidden))
            layers += [nn.BatchNorm1d(hidden)] if settings.batch_norm else []
            layers += [nn.ReLU(), nn.Dropout(settings.dropout)]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, classes))

    def forward(self, columns: Tensor) -> Tensor:
        """Return logits ``(row, class)`` of columns ``(row, column)``: numbers, then categories."""
        parts = [columns[:, : self.numeric]]
        for place, embedding in enumerate(self.embeddings):
            parts.append(embedding(columns[:, self.numeric + place].long()))
        return self.layers(torch.cat(parts, dim=1))


def train(
    problem: Problem, held_out: Problem | None, settings: PerceptronSettings, means: Means
) -> tuple[Network, Fitted]:
    """Train a network until the loss on held-out rows falls no more.

    Without held-out rows all epochs are given and the last weights kept.

    Args:
        problem: Prepared training rows; weights of rows are not read, the loss has its own.
        held_out: Prepared rows for early stopping, of classes that are in training.
        settings: Architecture, loss, optimiser and stopping.
        means: Seed, threads, device and checkpoint.

    Returns:
        The network in inference mode, and how its training went.

    Raises:
        InputError: The loss is no number, there are fewer than two rows, or the device cannot be
            used.
    """
    if len(problem.labels) < 2:
        raise InputError(
            f"a perceptron cannot be trained on {len(problem.labels)} row, expected 2 at least; "
            "choose a learner of trees or drop the formation"
        )
    device = device_of(means.device)
    course = Course(
        epochs=settings.epochs,
        seed=means.seed,
        patience=settings.patience,
        min_gain=settings.min_gain,
        threads=means.threads,
    )
    with seeded(means.seed, device):
        network = Network(
            numeric=problem.columns.shape[1] - len(problem.categories),
            categories=problem.categories,
            classes=problem.classes,
            settings=settings,
        ).to(device)
        lesson = _Naming(network, problem, held_out, settings)
        optimiser = make_optimiser(network, settings)
        watching = Watching(checkpoint=means.checkpoint)
        fitted = fit(lesson, course, optimiser, data=lesson.fingerprint, watching=watching)
    return network, fitted


@torch.inference_mode()
def logits_of(
    network: Network, columns: NDArray[np.float32], *, batch: int = 16_384
) -> NDArray[np.float32]:
    """Return logits ``(row, class)`` of prepared columns ``(row, column)``, some rows at a time."""
    device = next(network.parameters()).device
    parts = torch.from_numpy(np.ascontiguousarray(columns)).split(batch)
    return torch.cat([network(part.to(device)).cpu() for part in parts]).numpy()


class _Naming:
    """Naming the class of rows."""

    stage = "perceptron"

    def __init__(
        self,
        network: Network,
        problem: Problem,
        held_out: Problem | None,
        settings: PerceptronSettings,
    ) -> None:
        device = next(network.parameters()).device
        self.network, self.settings = network, settings
        self.parts = [problem] if held_out is None else [problem, held_out]
        self.on_device = [
            (
                torch.from_numpy(np.ascontiguousarray(part.columns)).to(device),
                torch.from_numpy(part.labels).to(device),
            )
            for part in self.parts
        ]
        counts = np.bincount(problem.labels, minlength=problem.classes)
        self.loss: Loss = make_loss(settings, counts, str(device))

    def fingerprint(self) -> str:
        arrays = [array for part in self.parts for array in (part.columns, part.labels)]
        rows: list[Any] = [digest(np.ascontiguousarray(array).tobytes()) for array in arrays]
        return fingerprint_of({"rows": rows, "settings": self.settings.model_dump(mode="json")})

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        order = generator.permutation(len(self.parts[0].labels))
        # Batches of like size: a last one of a single row would have no deviation to norm by.
        count = max(1, min(-(-len(order) // self.settings.batch), len(order) // 2))
        return np.array_split(order, count)

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        columns, labels = self.on_device[0]
        chosen = torch.from_numpy(rows).to(labels.device)
        return Step(self.loss(self.network(columns[chosen]), labels[chosen]), len(rows))

    def validate(self) -> Validation | None:
        if len(self.on_device) == 1:
            return None
        columns, labels = self.on_device[1]
        loss = float(self.loss(self.network(columns), labels))
        return Validation(loss, loss)


def make_optimiser(network: nn.Module, settings: PerceptronSettings) -> torch.optim.Optimizer:
    """Make the optimiser of the settings, with decay of all parameters as published."""
    given: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    match settings.optimiser:
        case "sgd":
            return torch.optim.SGD(network.parameters(), momentum=settings.momentum, **given)
        case "radam":
            return torch.optim.RAdam(network.parameters(), **given)
        case "adamw":
            return torch.optim.AdamW(network.parameters(), **given)
