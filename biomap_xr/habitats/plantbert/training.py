"""Training of Pl@ntBERT: species first, then habitats, then further on other assemblages.

Paper 1, "Habitat Identification".
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import get_linear_schedule_with_warmup

from biomap_xr.errors import InputError
from biomap_xr.fitting import UNWATCHED, Course, Epoch, Watching, device_of, fit, seeded
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.classifier import require_labelled
from biomap_xr.habitats.baselines.linear import LinearClassifier
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.plantbert.fine_tuning import Classification, Labelled
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.network import classifying_network, masked_network
from biomap_xr.habitats.plantbert.pretraining import MaskedSpecies, readable
from biomap_xr.habitats.plantbert.settings import (
    FineTuningSettings,
    PlantBertSettings,
    StageSettings,
)
from biomap_xr.habitats.plantbert.tokenizer import (
    add_species,
    build_tokenizer,
    load_tokenizer,
    sentence_tokens,
)
from biomap_xr.run.fingerprint import fingerprint_of

FEWEST_EPOCHS = 5
"""However many plots there are; as many as the published training has."""


def train_habitat_model(
    samples: Samples,
    roles: Roles,
    settings: PlantBertSettings,
    *,
    watching: Watching = UNWATCHED,
    provenance: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> HabitatModel:
    """Train a model in two stages.

    Args:
        samples: Assemblages and habitats; the ranks of at most ``settings.k`` species are read.
        roles: Rows that train, and those that early stopping goes by, if any; other rows are not
            looked at.
        settings: Size, stages and seed.
        watching: Listener, and the folder of a checkpoint for each stage.
        provenance: Sources and licences, for the card.
        device: Where to train.

    Returns:
        The model, in inference mode; its card tells the course of the training.

    Raises:
        InputError: There are no two habitats, sentences are shorter than ``k``, the model to start
            from cannot be loaded, the device cannot be used, or a loss is no number.
    """
    _check_width(samples.assemblages, settings.k)
    rows = require_labelled(samples, roles.train)
    table, place = samples.assemblages.species, device_of(device)
    with seeded(settings.seed, place):
        source = settings.network.name_or_path
        if source:
            tokenizer = load_tokenizer(source, offline=settings.network.offline)
            added = add_species(tokenizer, table)
        else:
            tokenizer, added = build_tokenizer(table, settings.network.positions), table
        tokens = sentence_tokens(tokenizer, table)
        network = masked_network(settings.network, tokenizer, samples.habitats).to(place)
        read = roles.train if settings.pretraining.unlabelled else rows
        sentences = readable(samples.assemblages.sentences[read, : settings.k])
        first = _fit_stage(
            MaskedSpecies(network, sentences, tokens, settings.pretraining),
            settings.pretraining,
            settings,
            samples,
            roles,
            watching,
        )
        card = HabitatCard(
            habitats=samples.habitats,
            species=table,
            k=settings.k,
            settings=settings,
            training={"added_tokens": len(added), "pretraining": _told(first)},
            provenance=dict(provenance or {}),
        )
        # The head of the second stage starts alike, whether the first was interrupted or not.
        torch.manual_seed(settings.seed + 1)
        classifier = classifying_network(network, samples.habitats)
    start = HabitatModel(classifier, tokenizer, tokens, card)
    return fine_tune(start, samples, roles, watching=watching, device=device)


def fine_tune(
    model: HabitatModel,
    samples: Samples,
    roles: Roles,
    settings: FineTuningSettings | None = None,
    *,
    watching: Watching = UNWATCHED,
    device: str = "cpu",
) -> HabitatModel:
    """Train a model further on labelled assemblages, such as those that an SDM predicts.

    Args:
        model: Where to start from; it is not changed.
        samples: With the model's table of species and its habitats.
        roles: Rows that train, and those that early stopping goes by, if any.
        settings: Of this stage; the model's own where None.
        watching: Listener, and the folder of a checkpoint.
        device: Where to train.

    Returns:
        The model, in inference mode and on the device.

    Raises:
        InputError: Species or habitats are not the model's, there are no two habitats, the device
            cannot be used, or the loss is no number.
    """
    model.require_species(samples.assemblages.species)
    _check_habitats(model, samples)
    _check_width(samples.assemblages, model.card.k)
    chosen = settings or model.card.settings.fine_tuning
    whole = model.card.settings.model_copy(update={"fine_tuning": chosen})
    training = _labelled(samples, require_labelled(samples, roles.train), model.card.k)
    validation = _labelled(samples, samples.labelled(roles.validation), model.card.k)
    place = device_of(device)
    network = deepcopy(model.network).to(place)
    teacher = LinearClassifier().fit(samples, roles).of_sentences if chosen.teacher else None
    lesson = Classification(network, training, validation, model.tokens, chosen, teacher=teacher)
    with seeded(whole.seed, place):
        course = _fit_stage(lesson, chosen, whole, samples, roles, watching)
    return replace(model, network=network, card=_trained(model.card, samples, course, lesson))


def _fit_stage(
    lesson: MaskedSpecies | Classification,
    stage: StageSettings,
    settings: PlantBertSettings,
    samples: Samples,
    roles: Roles,
    watching: Watching,
) -> tuple[Epoch, ...]:
    """Fit one of the two stages; random numbers of an epoch come from seed and number alone."""
    epochs = epochs_of(stage, lesson.steps)
    optimiser = make_optimiser(lesson.network, stage)
    steps = epochs * lesson.steps
    rates = get_linear_schedule_with_warmup(optimiser, math.ceil(stage.warm_up * steps), steps)
    course = Course(
        epochs=epochs,
        seed=settings.seed,
        patience=stage.patience if isinstance(stage, FineTuningSettings) else None,
        clip=stage.clip,
        threads=settings.threads,
        precision=settings.precision,
        fresh=True,
    )

    def data() -> str:
        return fingerprint_of(
            {
                "samples": samples.fingerprint(),
                "rows": {name: rows.tolist() for name, rows in roles.indices().items()},
                "settings": settings.model_dump(mode="json"),
            }
        )

    within = watching.within(lesson.stage)
    return fit(lesson, course, optimiser, rates, data=data, watching=within).history


def epochs_of(settings: StageSettings, steps: int) -> int:
    """Return the epochs of a stage, given the steps of one.

    >>> settings = StageSettings(epochs=40, steps=1000)
    >>> [epochs_of(settings, steps) for steps in (20, 100, 5000)]
    [40, 10, 5]
    """
    if settings.steps is None:
        return settings.epochs
    return min(settings.epochs, max(-(-settings.steps // steps), FEWEST_EPOCHS))


def make_optimiser(network: Any, settings: StageSettings) -> torch.optim.AdamW:
    """Make AdamW with decay of matrices only: biases and norms have none."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _labelled(samples: Samples, rows: NDArray[np.int64], k: int) -> Labelled:
    return Labelled(samples.assemblages.sentences[rows, :k], samples.label[rows])


def _told(history: tuple[Epoch, ...]) -> list[dict[str, Any]]:
    return [epoch.told("epoch", "loss", "validation_loss", "accuracy") for epoch in history]


def _trained(
    card: HabitatCard, samples: Samples, course: tuple[Epoch, ...], lesson: Classification
) -> HabitatCard:
    """Note in a card what it was trained on, and how; earlier trainings stay in it."""
    losses = [epoch.validation_loss for epoch in course if epoch.validation_loss is not None]
    summary = {
        "settings": lesson.settings.model_dump(mode="json"),
        "sentences": len(lesson.training),
        "validation_sentences": len(lesson.validation),
        "lowest_validation_loss": min(losses, default=None),
        "course": _told(course),
    }
    earlier = card.training.get("fine_tuning", [])
    return card.model_copy(
        update={
            "training": {**card.training, "fine_tuning": [*earlier, summary]},
            "data_fingerprint": samples.fingerprint(),
        }
    )


def _check_width(assemblages: Assemblages, k: int) -> None:
    width, species = assemblages.sentences.shape[1], len(assemblages.species)
    if width < min(k, species):
        raise InputError(
            f"sentences have room for {width} species, the settings ask for k = {k}; rank them "
            f"with k of {k} or more, or lower k"
        )


def _check_habitats(model: HabitatModel, samples: Samples) -> None:
    if samples.habitats != model.card.habitats:
        foreign = sorted(set(samples.habitats) - set(model.card.habitats))
        raise InputError(
            f"samples name {len(samples.habitats)} habitats, the model "
            f"{len(model.card.habitats)}; {foreign[:5]} are none of the model's: make the samples "
            "with samples_of(..., habitats=model.card.habitats)"
        )
