"""Searches with memory: Optuna's TPE over a space, or a grid, resumed where they were stopped.

The only module that imports Optuna. Trials are in its journal format, which its dashboard reads.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.spaces import Range, Space

Evaluate = Callable[[Mapping[str, Any]], float]
"""Score of some values, to be as high as can be."""


@dataclass(frozen=True)
class Trial:
    """Values that were tried, and their score."""

    values: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class Memory:
    """Where trials are kept; a study of another name shares nothing."""

    name: str
    """Of the study: it names everything that a score depends on."""
    journal: Path | None = None
    """File of all studies; none: trials are forgotten when the process ends."""


def search(
    evaluate: Evaluate, space: Space, trials: int, memory: Memory, *, seed: int, random_trials: int
) -> tuple[Trial, ...]:
    """Try values by a tree-structured Parzen estimator (paper 2: Bayesian tuning by Optuna).

    Trials that the journal already has are not repeated, and a search that was interrupted ends
    with the trials of one that was not.

    Args:
        evaluate: Told the values of each trial.
        space: Limits.
        trials: How many in all.
        memory: Where trials are kept.
        seed: Of the sampler.
        random_trials: Trials before the estimator takes over from chance.

    Returns:
        All trials, in order.

    Raises:
        CorruptError: The journal is not one of Optuna's.
    """
    limits = {name: _distribution(each) for name, each in space.items()}
    study = _study(memory)
    # Values are drawn in a study of finished trials alone: one that was broken off would count.
    drawing = optuna.create_study(direction="maximize")
    drawing.add_trials(_complete(study))
    for number in range(len(_complete(study)), trials):
        # A sampler of its own for each number: one that begins anew after an interruption would
        # draw its first values again.
        drawing.sampler = optuna.samplers.TPESampler(
            seed=seed * 100_003 + number, n_startup_trials=random_trials
        )
        trial = drawing.ask(limits)
        score = evaluate(trial.params)
        drawing.tell(trial, score)
        study.add_trial(create_trial(params=trial.params, distributions=limits, value=score))
    return _told(study, trials)


def sweep(
    evaluate: Evaluate, points: Sequence[Mapping[str, Any]], memory: Memory
) -> tuple[Trial, ...]:
    """Try the points of a grid in order; those that the journal already has are not repeated.

    Raises:
        CorruptError: The journal is not one of Optuna's.
    """
    study = _study(memory)
    for point in points[len(_complete(study)) :]:
        choices = {name: CategoricalDistribution([value]) for name, value in point.items()}
        score = evaluate(point)
        study.add_trial(create_trial(params=dict(point), distributions=choices, value=score))
    return _told(study, len(points))


def _study(memory: Memory) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        study_name=memory.name,
        storage=_storage(memory.journal),
        direction="maximize",
        load_if_exists=True,
    )


def _storage(journal: Path | None) -> BaseStorage:
    if journal is None:
        return InMemoryStorage()
    journal.parent.mkdir(parents=True, exist_ok=True)
    _mend(journal)
    try:
        return JournalStorage(JournalFileBackend(str(journal)))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError) as error:
        raise CorruptError(
            f"{journal} is no journal of trials ({error!r}); expected what an earlier tuning "
            "wrote: remove it, and tuning starts again"
        ) from error


def _mend(journal: Path) -> None:
    """Drop a line that a killed process has begun: Optuna would write its next one behind it."""
    content = journal.read_bytes() if journal.exists() else b""
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _told(study: optuna.Study, most: int) -> tuple[Trial, ...]:
    return tuple(Trial(each.params, float(each.value)) for each in _complete(study)[:most])


def _distribution(limits: Range | tuple[Any, ...]) -> BaseDistribution:
    if isinstance(limits, tuple):
        return CategoricalDistribution(limits)
    if limits.whole:
        return IntDistribution(int(limits.low), int(limits.high), log=limits.log)
    return FloatDistribution(limits.low, limits.high, log=limits.log)
