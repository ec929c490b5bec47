"""Training of Pl@ntBERT: species first, then habitats, then further on other assemblages.

Paper 1, "Habitat Identification". A training is a function of its samples, settings, seed and
number of threads, never of how often it was interrupted.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.classifier import require_labelled
from biomap_xr.habitats.baselines.linear import LinearClassifier
from biomap_xr.habitats.plantbert.artefact import fingerprint
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.plantbert.checkpoint import Epoch
from biomap_xr.habitats.plantbert.fine_tuning import Classification, Labelled, Teacher
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.network import classifying_network, masked_network
from biomap_xr.habitats.plantbert.pretraining import MaskedSpecies, readable
from biomap_xr.habitats.plantbert.settings import FineTuningSettings, PlantBertSettings
from biomap_xr.habitats.plantbert.stage import Progress, Run, run_stage, threads
from biomap_xr.habitats.plantbert.tokenizer import (
    add_species,
    build_tokenizer,
    load_tokenizer,
    sentence_tokens,
)
from biomap_xr.run.fingerprint import fingerprint_of


@dataclass(frozen=True)
class Watching:
    """Who is told about a training, and where it can go on after an interruption."""

    progress: Progress | None = None
    """Told after each epoch."""
    checkpoints: Path | None = None
    """Folder of checkpoints, one of each stage; None keeps none."""


def train_habitat_model(
    samples: Samples,
    roles: Roles,
    settings: PlantBertSettings,
    *,
    watching: Watching = Watching(),
    provenance: Mapping[str, Any] | None = None,
) -> HabitatModel:
    """Train a model in two stages.

    Args:
        samples: Assemblages and habitats; the ranks of at most ``settings.k`` species are read.
        roles: Rows that train, and those that early stopping goes by, if any; other rows are not
            looked at.
        settings: Size, stages and seed.
        watching: Listener and checkpoints.
        provenance: Sources and licences, for the card.

    Returns:
        The model, in inference mode; its card tells the course of the training.

    Raises:
        InputError: There are no two habitats, sentences are shorter than ``k``, the model to start
            from cannot be loaded, or a loss is no number.
    """
    _check_width(samples.assemblages, settings.k)
    rows = require_labelled(samples, roles.train)
    table = samples.assemblages.species
    with threads(settings.threads), torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        tokenizer, added = _tokenizer(settings, table)
        tokens = sentence_tokens(tokenizer, table)
        masked = masked_network(settings.network, tokenizer, samples.habitats)
        network = masked.to(settings.device)
        read = roles.train if settings.pretraining.unlabelled else rows
        sentences = samples.assemblages.sentences[read, : settings.k]
        first = run_stage(
            MaskedSpecies(network, readable(sentences), tokens, settings.pretraining),
            settings.pretraining,
            _run("pretraining", samples, roles, settings, watching),
        )
        card = HabitatCard(
            habitats=samples.habitats,
            species=table,
            k=settings.k,
            settings=settings,
            training={"added_tokens": len(added), "pretraining": _course(first)},
            provenance=dict(provenance or {}),
        )
        # The head of the second stage starts alike, whether the first was interrupted or not.
        torch.manual_seed(settings.seed + 1)
        classifier = classifying_network(network, samples.habitats).to(settings.device)
    start = HabitatModel(classifier, tokenizer, tokens, card)
    return fine_tune(start, samples, roles, watching=watching)


def fine_tune(
    model: HabitatModel,
    samples: Samples,
    roles: Roles,
    settings: FineTuningSettings | None = None,
    *,
    watching: Watching = Watching(),
) -> HabitatModel:
    """Train a model further on labelled assemblages, such as those that an SDM predicts.

    Args:
        model: Where to start from; it is not changed.
        samples: With the model's table of species and its habitats.
        roles: Rows that train, and those that early stopping goes by, if any.
        settings: Of this stage; the model's own where None.
        watching: Listener and checkpoints.

    Returns:
        The model, in inference mode.

    Raises:
        InputError: Species or habitats are not the model's, there are no two habitats, or the loss
            is no number.
    """
    model.require_species(samples.assemblages.species)
    _check_habitats(model, samples)
    whole = model.card.settings.model_copy(
        update={"fine_tuning": settings or model.card.settings.fine_tuning}
    )
    _check_width(samples.assemblages, model.card.k)
    training = _labelled(samples, require_labelled(samples, roles.train), model.card.k)
    validation = _labelled(samples, samples.labelled(roles.validation), model.card.k)
    network = deepcopy(model.network)
    teacher = _teacher(samples, roles, whole.fine_tuning)
    chosen = whole.fine_tuning
    lesson = Classification(network, training, validation, model.tokens, chosen, teacher=teacher)
    run = _run("fine_tuning", samples, roles, whole, watching, start=model)
    with threads(whole.threads):
        course = run_stage(lesson, whole.fine_tuning, run)
    return replace(model, network=network, card=_trained(model.card, samples, course, lesson))


def _tokenizer(settings: PlantBertSettings, species: tuple[str, ...]) -> tuple[Any, Any]:
    """Return a tokenizer that has every species as a token, and those that were added to it."""
    source = settings.network.name_or_path
    if not source:
        return build_tokenizer(species, settings.network.positions), species
    tokenizer = load_tokenizer(source, offline=settings.network.offline)
    return tokenizer, add_species(tokenizer, species)


def _run(
    stage: str,
    samples: Samples,
    roles: Roles,
    settings: PlantBertSettings,
    watching: Watching,
    *,
    start: HabitatModel | None = None,
) -> Run:
    """Say what the course of a stage depends on, and where it is kept."""
    parts: dict[str, Any] = {
        "stage": stage,
        "samples": samples.fingerprint(),
        "rows": {name: rows.tolist() for name, rows in roles.indices().items()},
        "settings": settings.model_dump(mode="json"),
        "start": None if start is None else fingerprint(start),
    }
    folder = watching.checkpoints
    return Run(
        seed=settings.seed,
        fingerprint=fingerprint_of(parts),
        checkpoint=None if folder is None else folder / stage,
        progress=watching.progress,
        patience=settings.fine_tuning.patience if stage == "fine_tuning" else None,
    )


def _teacher(samples: Samples, roles: Roles, settings: FineTuningSettings) -> Teacher | None:
    """Fit the linear model to the rows that train, where it has a share."""
    return LinearClassifier().fit(samples, roles).of_sentences if settings.teacher else None


def _labelled(samples: Samples, rows: Any, k: int) -> Labelled:
    return Labelled(samples.assemblages.sentences[rows, :k], samples.label[rows])


def _course(history: tuple[Epoch, ...]) -> list[dict[str, Any]]:
    """Return the course for a card: without seconds, which depend on the machine's load."""
    return [epoch.model_dump(exclude={"seconds", "stage", "epochs"}) for epoch in history]


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
        "course": _course(course),
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
