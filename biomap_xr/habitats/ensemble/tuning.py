"""Hyperparameters by trial (paper 2, Hyperparameter tuning).

A share of the blocks is set aside to score trials by adjusted balanced accuracy; another is held
out of what remains for early stopping, so that no trial is scored on rows that stopped it.
"""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.fitting import fit_learner
from biomap_xr.habitats.ensemble.learners.protocol import ONE_THREAD, Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.settings import TuningSettings
from biomap_xr.habitats.ensemble.spaces import SPACES, UNREGULARISED, Stage, changed, grid
from biomap_xr.run.fingerprint import fingerprint_of

if TYPE_CHECKING:
    from pydantic import JsonValue

STAGES: tuple[Stage, ...] = ("optimiser", "regularisation")
Scored = list[tuple[Mapping[str, Any], float]]
"""Values that were tried, and the score of each."""
DRAWS = 64
"""Orders of the blocks of which the best is taken when some are set aside."""


@dataclass(frozen=True, eq=False)
class Bench:
    """The rows on which settings are compared; no block is in two of the three parts."""

    table: FeatureTable
    training: Rows
    stopping: Rows
    """For early stopping and temperatures."""
    aside: Rows
    """For scores."""
    means: Means = ONE_THREAD

    @classmethod
    def of(
        cls,
        table: FeatureTable,
        rows: Rows,
        blocks: NDArray[np.int64],
        tuning: TuningSettings,
        means: Means = ONE_THREAD,
    ) -> Self:
        """Cut rows into the three parts.

        Args:
            table: Types of the predictors.
            rows: All that tuning may see.
            blocks: Number of each row's spatial block ``(row,)``.
            tuning: Share and seed.
            means: Of each fit.

        Raises:
            InputError: There are fewer than three blocks.
        """
        aside = set_aside(rows.codes, blocks, tuning.share, tuning.seed)
        rest, rest_blocks = rows.select(~aside), blocks[~aside]
        stopping = set_aside(rest.codes, rest_blocks, tuning.share, tuning.seed)
        return cls(table, rest.select(~stopping), rest.select(stopping), rows.select(aside), means)

    def score(self, settings: LearnerSettings) -> float:
        """Return the adjusted balanced accuracy of a learner fitted with some settings.

        Raises:
            InputError: Rows set aside have fewer than two classes of those in training.
        """
        learner = fit_learner(
            "trial", settings, self.table, self.training, self.stopping, means=self.means
        )
        known = self.aside.select(np.isin(self.aside.codes, learner.classes))
        likeliest = learner.predict_proba(known.values).argmax(axis=1)
        return adjusted_balanced_accuracy(known.codes, np.array(learner.classes)[likeliest])

    @property
    def fingerprint(self) -> str:
        """One short name for all that a score depends on but the settings."""
        parts = (self.training, self.stopping, self.aside)
        return fingerprint_of(
            {
                "rows": [_digest(part) for part in parts],
                "table": self.table.model_dump(mode="json"),
                "seed": self.means.seed,
            }
        )


@dataclass(frozen=True)
class Tuned:
    """What tuning ended with."""

    settings: LearnerSettings
    """The best of all that were tried, those given included."""
    score: float | None
    """Their adjusted balanced accuracy on rows set aside; none where nothing was tuned."""
    given_score: float | None
    """That of the settings given."""
    trials: int
    """Fits that were scored, those of an earlier run included."""


def tune(
    settings: LearnerSettings,
    bench: Bench,
    tuning: TuningSettings,
    journal: Path | None = None,
) -> Tuned:
    """Improve a learner's settings: the optimiser without regularisation, then regularisation.

    Forests and boosting are searched by Optuna, a perceptron's choices are tried as a grid.

    Args:
        settings: Where to start from; imbalance strategy and architecture stay as they are.
        bench: Rows to fit and to score on.
        tuning: How much is tried.
        journal: File in which trials are kept, so that an interrupted tuning goes on; any number of
            learners may share it.

    Returns:
        The best settings of all and their score.

    Raises:
        CorruptError: The journal is not one of trials.
    """
    if not tuning.trials:
        return Tuned(settings, None, None, 0)
    trials = _Trials(bench, tuning, journal)
    given_score, score, best = trials.given(settings), -np.inf, settings
    base, tried = settings, 1
    if tuning.optimiser_trials:
        base = changed(settings, UNREGULARISED[settings.algorithm])
    for stage in STAGES:
        for values, found in trials.of(stage, base):
            tried += 1
            if found > score:
                best, score = changed(base, values), found
        # A stage goes on from the best of the one before, whatever the settings given score.
        base = best
    if given_score >= score:
        best, score = settings, given_score
    return Tuned(best, score, given_score, tried)


@dataclass(frozen=True)
class _Trials:
    """The trials of one tuning, remembered in its journal."""

    bench: Bench
    tuning: TuningSettings
    journal: Path | None

    def given(self, settings: LearnerSettings) -> float:
        """Return the score of settings as they are."""
        ((_, score),) = self._sweep("given", settings, [{}])
        return score

    def of(self, stage: Stage, base: LearnerSettings) -> Scored:
        """Return what a stage tried, and the scores; nothing where it has no trials."""
        trials = self.tuning.model_dump()[f"{stage}_trials"]
        space = SPACES[base.algorithm, stage]
        if base.algorithm == "perceptron" or not trials:
            return self._sweep(stage, base, grid(space, trials)) if trials else []
        studies = _studies()
        found = studies.search(
            self._evaluate(base),
            space,
            trials,
            studies.Memory(self._name(stage, base), self.journal),
            seed=self.tuning.seed,
            random_trials=self.tuning.random_trials,
        )
        return [(trial.values, trial.score) for trial in found]

    def _sweep(self, stage: str, base: LearnerSettings, points: list[dict[str, Any]]) -> Scored:
        studies = _studies()
        memory = studies.Memory(self._name(stage, base), self.journal)
        found = studies.sweep(self._evaluate(base), points, memory)
        return [(trial.values, trial.score) for trial in found]

    def _evaluate(self, base: LearnerSettings) -> Callable[[Mapping[str, Any]], float]:
        return lambda values: self.bench.score(changed(base, values))

    def _name(self, stage: str, base: LearnerSettings) -> str:
        """Name a study by all that its scores and its values depend on."""
        spaces: dict[str, str] = {each: repr(SPACES[base.algorithm, each]) for each in STAGES}
        parts: dict[str, JsonValue] = {
            "bench": self.bench.fingerprint,
            "settings": base.model_dump(mode="json"),
            "space": spaces.get(stage, ""),
            "seed": self.tuning.seed,
            "random_trials": self.tuning.random_trials,
        }
        return f"{base.algorithm}-{stage}-{fingerprint_of(parts)[:16]}"


def _studies() -> ModuleType:
    # Optuna is heavy, and most recipes name settings instead of looking for them.
    from biomap_xr.habitats.ensemble import studies  # noqa: PLC0415 - as the comment above says

    return studies


def set_aside(
    codes: NDArray[np.str_], blocks: NDArray[np.int64], share: float, seed: int
) -> NDArray[np.bool_]:
    """Choose whole blocks that hold about a share of the rows.

    Of some orders of the blocks the one is taken that has most classes on both sides, then the one
    whose share is nearest.

    Args:
        codes: Class of each row ``(row,)``.
        blocks: Number of each row's spatial block ``(row,)``.
        share: Of the rows, above 0 and below 1.
        seed: Of the orders.

    Returns:
        Which rows are set aside ``(row,)``; some are, and some are not.

    Raises:
        InputError: All rows lie in one block.
    """
    numbers, block = np.unique(blocks, return_inverse=True)
    if len(numbers) < 2:
        raise InputError(
            f"{len(codes)} rows lie in {len(numbers)} spatial block, expected two at least to set "
            f"{share:.0%} aside; choose smaller blocks, or do not tune"
        )
    classes, label = np.unique(codes, return_inverse=True)
    table = np.zeros((len(numbers), len(classes)), np.int64)
    np.add.at(table, (block, label), 1)
    generator = np.random.default_rng(seed)
    best, best_rank = np.zeros(len(numbers), bool), (-1.0, -np.inf)
    for _ in range(DRAWS):
        order = generator.permutation(len(numbers))
        gap = np.abs(np.cumsum(table[order].sum(axis=1))[:-1] - share * len(codes))
        chosen = np.isin(np.arange(len(numbers)), order[: int(gap.argmin()) + 1])
        both = (table[chosen].any(axis=0) & table[~chosen].any(axis=0)).sum()
        rank = (float(both), -float(gap.min()))
        if rank > best_rank:
            best, best_rank = chosen, rank
    return best[block]


def adjusted_balanced_accuracy(true: NDArray[np.str_], predicted: NDArray[np.str_]) -> float:
    """Return the mean recall of the true classes, scaled so that chance is 0 and the best is 1.

    Args:
        true: Codes ``(row,)``.
        predicted: Codes ``(row,)``; those that no row truly has are wrong, but no class of their
            own.

    Raises:
        InputError: There are fewer than two true classes.

    >>> adjusted_balanced_accuracy(np.array(["a", "a", "b"]), np.array(["a", "b", "b"]))
    0.5
    """
    classes = np.unique(true)
    if len(classes) < 2:
        raise InputError(
            f"{len(true)} rows to score on have the classes {classes.tolist()}, expected two at "
            "least; set a larger share aside, or do not tune"
        )
    with warnings.catch_warnings():
        # A fold lacks classes that others have, and predictions may name them.
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        return float(balanced_accuracy_score(true, predicted, adjusted=True))


def _digest(rows: Rows) -> str:
    values = np.ascontiguousarray(rows.values).tobytes()
    return hashlib.sha256(values + "\n".join(rows.codes.tolist()).encode()).hexdigest()
