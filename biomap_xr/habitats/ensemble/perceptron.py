"""Fully connected networks for tables, and how they are trained (paper 2, neural networks)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import PerceptronSettings
from biomap_xr.habitats.ensemble.losses import Loss, make_loss


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


@dataclass(frozen=True)
class Course:
    """How a training went."""

    epochs: int
    """Given in all."""
    best_epoch: int
    """Whose weights are kept, from 1."""
    training_loss: float
    """Mean over the last epoch."""
    held_out_loss: float | None
    """Of the best epoch; none without held-out rows."""


def train(
    problem: Problem, held_out: Problem | None, settings: PerceptronSettings, means: Means
) -> tuple[Network, Course]:
    """Train a network until the loss on held-out rows falls no more.

    Without held-out rows all epochs are given and the last weights kept.

    Args:
        problem: Prepared training rows; weights of rows are not read, the loss has its own.
        held_out: Prepared rows for early stopping, of classes that are in training.
        settings: Architecture, loss, optimiser and stopping.
        means: Seed, threads and device.

    Returns:
        The network in inference mode, and how its training went.

    Raises:
        InputError: The loss is no number, or there are fewer than two rows.
    """
    if len(problem.labels) < 2:
        raise InputError(
            f"a perceptron cannot be trained on {len(problem.labels)} row, expected 2 at least; "
            "choose a learner of trees or drop the formation"
        )
    with arithmetic(means):
        network = Network(
            numeric=problem.columns.shape[1] - len(problem.categories),
            categories=problem.categories,
            classes=problem.classes,
            settings=settings,
        ).to(means.device)
        course = _Fitter(network, problem, held_out, settings, means).run()
    return network.eval(), course


@torch.inference_mode()
def logits_of(
    network: Network, columns: NDArray[np.float32], *, batch: int = 16_384
) -> NDArray[np.float32]:
    """Return logits ``(row, class)`` of prepared columns ``(row, column)``, some rows at a time."""
    device = next(network.parameters()).device
    parts = torch.from_numpy(np.ascontiguousarray(columns)).split(batch)
    return torch.cat([network(part.to(device)).cpu() for part in parts]).numpy()


@contextmanager
def arithmetic(means: Means) -> Iterator[None]:
    """Fix threads and random numbers for a while, and leave the process as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(means.threads)
    cuda = [torch.device(means.device)] if means.device.startswith("cuda") else []
    try:
        with torch.random.fork_rng(devices=cuda):
            torch.manual_seed(means.seed)
            yield
    finally:
        torch.set_num_threads(threads)


class _Fitter:
    """One training: a network, its optimiser and how far it has come."""

    def __init__(
        self,
        network: Network,
        problem: Problem,
        held_out: Problem | None,
        settings: PerceptronSettings,
        means: Means,
    ) -> None:
        self.network = network
        self.settings = settings
        self.generator = np.random.default_rng(means.seed)
        self.training = _tensors(problem, means.device)
        self.held_out = None if held_out is None else _tensors(held_out, means.device)
        counts = np.bincount(problem.labels, minlength=problem.classes)
        self.loss: Loss = make_loss(settings, counts, means.device)
        self.optimiser = OPTIMISERS[settings.optimiser](network, settings)

    def run(self) -> Course:
        """Train to the last epoch or until patience ends, then restore the best weights."""
        lowest, best_epoch, weights = np.inf, 0, self.network.state_dict()
        epoch, loss = 0, np.nan
        while epoch < self.settings.epochs and epoch - best_epoch < self.settings.patience:
            epoch += 1
            loss = self._epoch(epoch)
            if self.held_out is None:
                best_epoch = epoch
                continue
            found = self._held_out_loss(self.held_out)
            # The first epoch always counts: infinity times a share is no number to compare with.
            if best_epoch == 0 or found < lowest * (1 - self.settings.min_gain):
                lowest, best_epoch = found, epoch
                weights = deepcopy(self.network.state_dict())
        if self.held_out is not None:
            self.network.load_state_dict(weights)
        return Course(epoch, best_epoch, loss, None if self.held_out is None else lowest)

    def _epoch(self, number: int) -> float:
        """Give every row once, in a new order; the mean loss."""
        self.network.train()
        columns, labels = self.training
        order = torch.from_numpy(self.generator.permutation(len(labels))).to(labels.device)
        # Batches of like size: a last one of a single row would have no deviation to norm by.
        parts = order.tensor_split(
            max(1, min(-(-len(order) // self.settings.batch), len(order) // 2))
        )
        total = torch.zeros((), device=labels.device)
        for part in parts:
            loss = self.loss(self.network(columns[part]), labels[part])
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(part)
        mean = float(total) / len(order)
        if not np.isfinite(mean):
            raise InputError(
                f"perceptron: the loss is {mean} in epoch {number}, expected a number; lower the "
                f"learning rate ({self.settings.learning_rate:g}) or check the predictors"
            )
        return mean

    @torch.no_grad()
    def _held_out_loss(self, held_out: tuple[Tensor, Tensor]) -> float:
        self.network.eval()
        columns, labels = held_out
        return float(self.loss(self.network(columns), labels))


def _tensors(problem: Problem, device: str) -> tuple[Tensor, Tensor]:
    columns = torch.from_numpy(np.ascontiguousarray(problem.columns))
    return columns.to(device), torch.from_numpy(problem.labels).to(device)


def _sgd(network: Network, settings: PerceptronSettings) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        network.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )


def _radam(network: Network, settings: PerceptronSettings) -> torch.optim.Optimizer:
    return torch.optim.RAdam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )


def _adamw(network: Network, settings: PerceptronSettings) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )


OPTIMISERS: dict[str, Callable[[Network, PerceptronSettings], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "radam": _radam,
    "adamw": _adamw,
}
"""How each optimiser is made, by its name in the settings."""
