"""Fits a model's weights: binary cross-entropy, plateau schedule, early stopping.

GeoPlant ``baselines/MME`` notebooks (AdamW) and paper 1, section 3 (SGD, binary cross-entropy). A
training is a function of its samples, settings, seed and number of threads, never of the time it
took.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, dropout

from biomap_xr.errors import InputError
from biomap_xr.species.augmentation import turn
from biomap_xr.species.initial import initial_model
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples, batches, read
from biomap_xr.species.schedule import Patience
from biomap_xr.species.settings import Modality, ModalitySettings, TrainingSettings


@dataclass(frozen=True)
class Epoch:
    """How one epoch went."""

    epoch: int
    """1 for the first."""
    loss: float
    """Mean over training sites and species."""
    validation_loss: float
    learning_rate: float
    seconds: float


Progress = Callable[[Epoch], None]
"""Told after each epoch."""


def train(
    samples: Samples,
    branches: Mapping[Modality, ModalitySettings],
    settings: TrainingSettings,
    *,
    progress: Progress | None = None,
    device: str = "cpu",
) -> SpeciesModel:
    """Train a model from scratch.

    Args:
        samples: Sites, presences and roles.
        branches: Encoder and normalisation of each modality to be read.
        settings: Optimiser, schedule and seed.
        progress: Told after each epoch.
        device: Where to train.

    Returns:
        The model of the epoch with the lowest validation loss, in inference mode; its card tells
        the course of the training.

    Raises:
        InputError: Samples do not fit the branches, or the loss is no number.
    """
    model = initial_model(samples, branches, seed=settings.seed).to(device)
    return tune(model, samples, settings, progress=progress)


def tune(
    model: SpeciesModel,
    samples: Samples,
    settings: TrainingSettings,
    *,
    progress: Progress | None = None,
) -> SpeciesModel:
    """Train all parameters of a model further; the model given is not changed.

    Args:
        model: Where to start from.
        samples: Sites, presences and roles; inputs that the model does not read are left alone.
        settings: Optimiser, schedule and seed.
        progress: Told after each epoch.

    Returns:
        The model of the epoch with the lowest validation loss, in inference mode.

    Raises:
        InputError: The loss is no number.
    """
    with _arithmetic(settings):
        fitter = _Fitter(deepcopy(model), samples.only(model.modalities), settings)
        history = fitter.run(progress)
    summary = {
        "settings": settings.model_dump(),
        "sites": len(samples.roles.train),
        "validation_sites": len(samples.roles.validation),
        "best_epoch": fitter.patience.epoch,
        "best_validation_loss": fitter.patience.lowest,
        # Seconds are told to ``progress`` only: a card is the same whatever the machine's load.
        "history": [
            {key: value for key, value in asdict(epoch).items() if key != "seconds"}
            for epoch in history
        ],
    }
    trained = fitter.model.eval()
    trained.card = trained.card.model_copy(update={"training": summary})
    return trained


@contextmanager
def _arithmetic(settings: TrainingSettings) -> Iterator[None]:
    """Fix threads and random numbers for a while, and leave the process as it was."""
    threads = torch.get_num_threads()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            yield
    finally:
        torch.set_num_threads(threads)


class _Fitter:
    """One training: the model, its optimiser and how far it has come."""

    def __init__(self, model: SpeciesModel, samples: Samples, settings: TrainingSettings) -> None:
        self.model = model
        self.samples = samples
        self.settings = settings
        self.generator = np.random.default_rng(settings.seed)
        self.optimiser = make_optimiser(model, settings)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, factor=settings.plateau_factor, patience=settings.plateau_patience
        )
        weight = torch.full((len(samples.species.ids),), settings.positive_weight)
        self.weight = weight.to(model.device)
        self.patience = Patience()

    def run(self, progress: Progress | None) -> list[Epoch]:
        """Train to the last epoch or until patience ends, then restore the best weights."""
        history: list[Epoch] = []
        best = deepcopy(self.model.state_dict())
        for number in range(1, self.settings.epochs + 1):
            epoch = self._epoch(number)
            history.append(epoch)
            self.patience = self.patience.after(epoch.validation_loss)
            self.scheduler.step(epoch.validation_loss)
            if progress is not None:
                progress(epoch)
            if self.patience.waited == 0:
                best = deepcopy(self.model.state_dict())
            if self.patience.waited >= self.settings.patience:
                break
        self.model.load_state_dict(best)
        return history

    def _epoch(self, number: int) -> Epoch:
        start = perf_counter()
        rate = float(self.optimiser.param_groups[0]["lr"])
        loss = self._train_once(number)
        validation_loss = self._validation_loss()
        return Epoch(number, loss, validation_loss, rate, perf_counter() - start)

    def _train_once(self, number: int) -> float:
        """Give every training site once, in a new order; the mean loss."""
        self.model.train()
        total, order = 0.0, self.generator.permutation(self.samples.roles.train)
        for indices in batches(order, self.settings.batch):
            loss = self._loss(self._inputs(indices), indices)
            value = float(loss.detach())
            if not np.isfinite(value):
                raise InputError(
                    f"training: the loss is {value} in epoch {number}, expected a number; lower "
                    f"the learning rate ({self.settings.learning_rate:g}) or check the inputs"
                )
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            total += value * len(indices)
        return total / len(order)

    def _inputs(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Read sites, in training with augmented windows."""
        inputs = read(self.samples.inputs, indices)
        if self.model.training and self.settings.augment and "sentinel2" in inputs:
            symmetries = self.generator.integers(0, 8, len(indices))
            inputs["sentinel2"] = torch.from_numpy(turn(inputs["sentinel2"].numpy(), symmetries))
        return {name: values.to(self.model.device) for name, values in inputs.items()}

    def _loss(self, inputs: dict[str, Tensor], indices: NDArray[np.int64]) -> Tensor:
        """Mean binary cross-entropy over ``(sites, species)``, with dropout in training mode."""
        labels = self.samples.labels(indices).to(self.model.device)
        embeddings = self.model.embeddings(inputs)
        hidden = dropout(embeddings, self.settings.dropout, training=self.model.training)
        return binary_cross_entropy_with_logits(
            self.model.head(hidden), labels, pos_weight=self.weight
        )

    @torch.no_grad()
    def _validation_loss(self) -> float:
        self.model.eval()
        indices, total = self.samples.roles.validation, 0.0
        for part in batches(indices, 4 * self.settings.batch):
            loss = self._loss(self._inputs(part), part)
            total += float(loss) * len(part)
        return total / len(indices)


def make_optimiser(model: SpeciesModel, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Make the optimiser with weight decay on weights only: biases and norms have none.

    Args:
        model: Whose parameters are to be fitted.
        settings: Kind, learning rate, momentum and decays.

    Returns:
        An optimiser of three groups: encoder weights, head weights, the rest.
    """
    encoder = [p for p in model.encoders.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": encoder, "weight_decay": settings.weight_decay},
        {"params": [model.head.weight], "weight_decay": settings.head_weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)
