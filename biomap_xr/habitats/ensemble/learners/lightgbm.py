"""Gradient boosting by LightGBM: the only module that imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.arrays import file_of
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import LightGBMSettings

FILE = "lightgbm.txt"
QUIET = -1


@dataclass(frozen=True, eq=False)
class LightGBM:
    """A booster of softmax trees."""

    booster: lightgbm.Booster

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a booster back.

        Raises:
            InputError: Its file is missing.
            CorruptError: Its file is damaged.
        """
        content = file_of(files, FILE)
        # LightGBM ends the whole process on a text without a header, and takes one cut short.
        if not (content.startswith(b"tree\n") and b"\nend of parameters" in content):
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that are no complete model of LightGBM; restore "
                "the file or train again"
            )
        try:
            return cls(lightgbm.Booster(model_str=content.decode()))
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that LightGBM cannot read ({error}); restore the "
                "file or train again"
            ) from error

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``, NaN where missing."""
        # Version 4.7.0 is some ten times slower where the number of threads is left to it.
        return np.asarray(self.booster.predict(columns, num_threads=threads))

    def summary(self) -> dict[str, Any]:
        """Count the rounds that early stopping kept."""
        return {"rounds": self.booster.current_iteration()}

    def to_files(self) -> dict[str, bytes]:
        """Return the booster as LightGBM's text."""
        return {FILE: self.booster.model_to_string().encode()}


def fit_lightgbm(
    problem: Problem, held_out: Problem | None, settings: LightGBMSettings, means: Means
) -> LightGBM:
    """Boost until the log loss on held-out rows falls no more, or for all rounds without them.

    Held-out rows have the weights of their classes, too: stopping looks at what is minimised.
    """
    training = _dataset(problem)
    stop = lightgbm.early_stopping(settings.patience, verbose=False, min_delta=settings.min_gain)
    booster = lightgbm.train(
        _parameters(problem, settings, means),
        training,
        num_boost_round=settings.rounds,
        valid_sets=None if held_out is None else [_dataset(held_out, training)],
        callbacks=[] if held_out is None else [stop],
    )
    # The text holds the best round's trees alone, so what is used now and what is read are equal.
    best = booster.best_iteration if held_out is not None else None
    return LightGBM(lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best)))


def _parameters(problem: Problem, settings: LightGBMSettings, means: Means) -> dict[str, Any]:
    return {
        "objective": "multiclass",
        "num_class": problem.classes,
        "metric": "multi_logloss",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "max_depth": settings.max_depth or -1,
        "min_data_in_leaf": settings.min_leaf,
        "bagging_fraction": settings.subsample,
        # Without a frequency LightGBM takes no notice of the fraction.
        "bagging_freq": 1 if settings.subsample < 1 else 0,
        "feature_fraction": settings.column_sample,
        "lambda_l1": settings.l1,
        "lambda_l2": settings.l2,
        "seed": means.seed,
        "num_threads": means.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": QUIET,
    }


def _dataset(problem: Problem, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        problem.columns,
        label=problem.labels,
        weight=problem.weights,
        reference=reference,
        params={"verbosity": QUIET},
    )
