"""Fits a model's weights: binary cross-entropy, plateau schedule, early stopping.

GeoPlant ``baselines/MME`` notebooks (AdamW) and paper 1, section 3 (SGD, binary cross-entropy).
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, dropout
from torch.optim.lr_scheduler import ReduceLROnPlateau

from biomap_xr.fitting import UNWATCHED, Course, Step, Validation, Watching, device_of, fit, seeded
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.species.augmentation import turn
from biomap_xr.species.initial import initial_model
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples, batches, read
from biomap_xr.species.settings import Modality, ModalitySettings, TrainingSettings


def train(
    samples: Samples,
    branches: Mapping[Modality, ModalitySettings],
    settings: TrainingSettings,
    *,
    stage: str = "species",
    watching: Watching = UNWATCHED,
    device: str = "cpu",
) -> SpeciesModel:
    """Train a model from scratch.

    Args:
        samples: Sites, presences and roles.
        branches: Encoder and normalisation of each modality to be read.
        settings: Optimiser, schedule and seed.
        stage: What listeners are told that this is.
        watching: Listener and checkpoint.
        device: Where to train.

    Returns:
        The model of the epoch with the lowest validation loss, in inference mode and on the device;
        its card tells the course of the training.

    Raises:
        InputError: Samples do not fit the branches, the device cannot be used, or the loss is no
            number.
    """
    model = initial_model(samples, branches, seed=settings.seed)
    return tune(model, samples, settings, stage=stage, watching=watching, device=device)


def tune(
    model: SpeciesModel,
    samples: Samples,
    settings: TrainingSettings,
    *,
    stage: str = "species",
    watching: Watching = UNWATCHED,
    device: str = "cpu",
) -> SpeciesModel:
    """Train all parameters of a model further; the model given is not changed.

    Args:
        model: Where to start from.
        samples: Sites, presences and roles; inputs that the model does not read are left alone.
        settings: Optimiser, schedule and seed.
        stage: What listeners are told that this is.
        watching: Listener and checkpoint.
        device: Where to train.

    Returns:
        The model of the epoch with the lowest validation loss, in inference mode and on the device.

    Raises:
        InputError: The device cannot be used, or the loss is no number.
    """
    place = device_of(device)
    trained = deepcopy(model).to(place)
    lesson = _Presences(stage, trained, samples.only(model.modalities), settings)
    optimiser = make_optimiser(trained, settings)
    schedule = ReduceLROnPlateau(
        optimiser, factor=settings.plateau_factor, patience=settings.plateau_patience
    )
    course = Course(
        epochs=settings.epochs,
        seed=settings.seed,
        patience=settings.patience,
        threads=settings.threads,
        precision=settings.precision,
    )
    with seeded(settings.seed, place):
        fitted = fit(
            lesson, course, optimiser, schedule, data=lesson.fingerprint, watching=watching
        )
    summary = {
        "settings": settings.model_dump(),
        "threads": fitted.threads,
        "sites": len(samples.roles.train),
        "validation_sites": len(samples.roles.validation),
        "best_epoch": fitted.best_epoch,
        "best_validation_loss": fitted.lowest,
        "history": [
            epoch.told("epoch", "loss", "validation_loss", "learning_rate")
            for epoch in fitted.history
        ],
    }
    trained.card = trained.card.model_copy(update={"training": summary})
    return trained


class _Presences:
    """Naming the species of sites."""

    def __init__(
        self, stage: str, network: SpeciesModel, samples: Samples, settings: TrainingSettings
    ) -> None:
        self.stage, self.network, self.samples, self.settings = stage, network, samples, settings
        weight = torch.full((len(samples.species.ids),), settings.positive_weight)
        self.weight = weight.to(network.device)

    def fingerprint(self) -> str:
        settings = self.settings.model_dump(mode="json")
        return fingerprint_of({"samples": self.samples.fingerprint(), "settings": settings})

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        return list(batches(generator.permutation(self.samples.roles.train), self.settings.batch))

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        inputs = read(self.samples.inputs, rows)
        # Windows of training sites only: those that are looked at stay as they are.
        if self.network.training and self.settings.augment and "sentinel2" in inputs:
            symmetries = generator.integers(0, 8, len(rows))
            inputs["sentinel2"] = torch.from_numpy(turn(inputs["sentinel2"].numpy(), symmetries))
        return Step(self._loss(inputs, rows), len(rows))

    def validate(self) -> Validation:
        indices, total = self.samples.roles.validation, 0.0
        for part in batches(indices, 4 * self.settings.batch):
            total += float(self._loss(read(self.samples.inputs, part), part)) * len(part)
        return Validation(total / len(indices), total / len(indices))

    def _loss(self, inputs: dict[str, Tensor], rows: NDArray[np.int64]) -> Tensor:
        """Mean binary cross-entropy over ``(sites, species)``, with dropout in training mode."""
        network = self.network
        labels = self.samples.labels(rows).to(network.device)
        raw = {name: values.to(network.device) for name, values in inputs.items()}
        share = self.settings.dropout
        hidden = dropout(network.embeddings(raw), share, training=network.training)
        return binary_cross_entropy_with_logits(
            network.head(hidden), labels, pos_weight=self.weight
        )


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
