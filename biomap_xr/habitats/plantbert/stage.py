"""The course of a stage of training, whichever: epochs, falling rate, best weights, checkpoints."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.checkpoint import (
    Course,
    Epoch,
    read_checkpoint,
    write_checkpoint,
)
from biomap_xr.habitats.plantbert.settings import StageSettings

FEWEST_EPOCHS = 5
"""However many plots there are; as many as the published training has."""
Progress = Callable[[Epoch], None]
"""Told after each epoch."""


@dataclass(frozen=True)
class Step:
    """What one step of training found."""

    loss: Tensor
    """Scalar, with its gradient."""
    right: int
    """Of the tokens or sentences of the batch, how many the network guessed."""
    of: int
    """How many there were."""


@dataclass(frozen=True)
class Validation:
    """How well the network does on plots that it does not train on."""

    loss: float
    accuracy: float
    score: float
    """Higher is better: what the best epoch is chosen by."""


class Lesson(Protocol):
    """What a stage teaches."""

    stage: str
    network: Any
    steps: int
    """Batches of an epoch."""

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        """Deal out the rows of an epoch."""
        ...

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        """Read some rows and compute the loss."""
        ...

    def validate(self) -> Validation | None:
        """Score the network on validation rows; None where there are none."""
        ...


@dataclass(frozen=True)
class Run:
    """What is said about the course of a stage, beside its settings."""

    seed: int
    fingerprint: str
    """Of everything that the stage depends on."""
    checkpoint: Path | None = None
    """Folder to go on from; None keeps nothing."""
    progress: Progress | None = None
    patience: int | None = None
    """Epochs without a better validation before it stops; None runs to the last."""


def run_stage(lesson: Lesson, settings: StageSettings, run: Run) -> tuple[Epoch, ...]:
    """Train a network in place, from the start or from a checkpoint.

    Args:
        lesson: What is taught; its network ends with the weights of the best epoch, or of the last
            one where there is no validation.
        settings: Epochs, rate, decay.
        run: Seed, checkpoint and listener.

    Returns:
        The course, epoch by epoch.

    Raises:
        InputError: The loss is no number.
    """
    settings = settings.model_copy(update={"epochs": epochs_of(settings, lesson.steps)})
    optimiser = make_optimiser(lesson.network, settings)
    course, best = Course(fingerprint=run.fingerprint), _weights(lesson.network)
    if run.checkpoint is not None:
        found = read_checkpoint(run.checkpoint, run.fingerprint, lesson.network, optimiser)
        course, best = found or (course, best)
    while len(course.history) < settings.epochs and not _over(course, run):
        epoch, score = _epoch(lesson, settings, optimiser, len(course.history), run.seed)
        course = _after(course, epoch, score)
        if course.best_epoch == epoch.epoch:
            best = _weights(lesson.network)
        if run.checkpoint is not None:
            write_checkpoint(run.checkpoint, course, lesson.network, optimiser, best)
        if run.progress is not None:
            run.progress(epoch)
    lesson.network.load_state_dict(best, strict=False)
    lesson.network.eval()
    return course.history


def epochs_of(settings: StageSettings, steps: int) -> int:
    """Return the epochs of a stage, given the steps of one.

    >>> settings = StageSettings(epochs=40, steps=1000)
    >>> [epochs_of(settings, steps) for steps in (20, 100, 5000)]
    [40, 10, 5]
    """
    if settings.steps is None:
        return settings.epochs
    return min(settings.epochs, max(-(-settings.steps // steps), FEWEST_EPOCHS))


def rate_at(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the learning rate at a step: rising to 1, then falling to 0.

    Args:
        step: 0 for the first.
        steps: Of the whole stage.
        warm_up: Share of the steps in which it rises.

    >>> [rate_at(step, 4, 0) for step in range(4)], rate_at(0, 10, 0.2)
    ([1.0, 0.75, 0.5, 0.25], 0.5)
    """
    rising = math.ceil(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / (steps - rising)


def make_optimiser(network: Any, settings: StageSettings) -> torch.optim.AdamW:
    """Make AdamW with decay of matrices only: biases and norms have none."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Fix the number of threads of the arithmetic for a while; None leaves it as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _epoch(
    lesson: Lesson,
    settings: StageSettings,
    optimiser: torch.optim.AdamW,
    done: int,
    seed: int,
) -> tuple[Epoch, float | None]:
    """Train once over all rows and validate; random numbers depend on seed and epoch alone."""
    start = perf_counter()
    state = np.random.SeedSequence([seed, done, *lesson.stage.encode()])
    with torch.random.fork_rng():
        torch.manual_seed(int(state.generate_state(1)[0]))
        loss, accuracy = _train_once(
            lesson, settings, optimiser, done, np.random.default_rng(state)
        )
    validation = lesson.validate()
    epoch = Epoch(
        stage=lesson.stage,
        epoch=done + 1,
        epochs=settings.epochs,
        loss=loss,
        validation_loss=validation.loss if validation else None,
        accuracy=validation.accuracy if validation else accuracy,
        seconds=perf_counter() - start,
    )
    return epoch, validation.score if validation else None


def _train_once(
    lesson: Lesson,
    settings: StageSettings,
    optimiser: torch.optim.AdamW,
    done: int,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Return mean loss and share of right guesses of one epoch."""
    lesson.network.train()
    total, right, of = 0.0, 0, 0
    for number, rows in enumerate(lesson.batches(generator), done * lesson.steps):
        step = lesson.step(rows, generator)
        value = float(step.loss.detach())
        if not math.isfinite(value):
            raise InputError(
                f"{lesson.stage}: the loss is {value} in epoch {done + 1}, expected a number; "
                f"lower the learning rate ({settings.learning_rate:g})"
            )
        rate = rate_at(number, settings.epochs * lesson.steps, settings.warm_up)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate
        optimiser.zero_grad(set_to_none=True)
        step.loss.backward()
        torch.nn.utils.clip_grad_norm_(lesson.network.parameters(), settings.clip)
        optimiser.step()
        total, right, of = total + value * step.of, right + step.right, of + step.of
    return total / of, right / of


def _after(course: Course, epoch: Epoch, score: float | None) -> Course:
    """Note an epoch; without validation the last is the best."""
    better = score is None or course.best_score is None or score > course.best_score
    update: dict[str, Any] = {"history": (*course.history, epoch)}
    if better:
        update |= {"best_epoch": epoch.epoch, "best_score": score}
    return course.model_copy(update=update)


def _over(course: Course, run: Run) -> bool:
    return run.patience is not None and course.waited >= run.patience


def _weights(network: Any) -> dict[str, Tensor]:
    """Copy weights; those that are tied are copied once."""
    seen: set[int] = set()
    copied = {}
    for name, value in network.state_dict().items():
        if value.data_ptr() not in seen:
            copied[name] = value.detach().clone()
        seen.add(value.data_ptr())
    return copied
