"""Gradient boosting by XGBoost: the only module that imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xgboost
from numpy.typing import NDArray

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.arrays import file_of
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import XGBoostSettings

FILE = "xgboost.ubj"


@dataclass(frozen=True, eq=False)
class XGBoost:
    """A booster of softmax trees."""

    booster: xgboost.Booster

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a booster back.

        Raises:
            InputError: Its file is missing.
            CorruptError: Its file is damaged.
        """
        content = file_of(files, FILE)
        # XGBoost ends the whole process on an object that was cut short.
        if not (content.startswith(b"{") and content.endswith(b"}")):
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that are no complete model of XGBoost; restore the "
                "file or train again"
            )
        try:
            return cls(xgboost.Booster(model_file=bytearray(content)))
        except xgboost.core.XGBoostError as error:
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that XGBoost cannot read "
                f"({str(error).splitlines()[0]}); restore the file or train again"
            ) from error

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``, NaN where missing."""
        matrix = xgboost.DMatrix(
            columns,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
            nthread=threads,
        )
        # The booster has its own number of threads; unset, it is every core in each worker.
        self.booster.set_param({"nthread": threads})
        return _rows_to_one(self.booster.predict(matrix))

    def summary(self) -> dict[str, Any]:
        """Count the rounds that early stopping kept."""
        return {"rounds": self.booster.num_boosted_rounds()}

    def to_files(self) -> dict[str, bytes]:
        """Return the booster as universal binary JSON."""
        return {FILE: bytes(self.booster.save_raw("ubj"))}


def fit_xgboost(
    problem: Problem, held_out: Problem | None, settings: XGBoostSettings, means: Means
) -> XGBoost:
    """Boost until the log loss on held-out rows falls no more, or for all rounds without them.

    Held-out rows have the weights of their classes, too: stopping looks at what is minimised.
    """
    stop = xgboost.callback.EarlyStopping(
        rounds=settings.patience,
        metric_name="mlogloss",
        maximize=False,
        save_best=True,
        min_delta=settings.min_gain,
    )
    booster = xgboost.train(
        _parameters(problem, settings, means),
        _matrix(problem, means),
        num_boost_round=settings.rounds,
        evals=[] if held_out is None else [(_matrix(held_out, means), "held_out")],
        callbacks=[] if held_out is None else [stop],
        verbose_eval=False,
    )
    return XGBoost(booster)


def _parameters(problem: Problem, settings: XGBoostSettings, means: Means) -> dict[str, Any]:
    return {
        "objective": "multi:softprob",
        "eval_metric": "mlogloss",
        "num_class": problem.classes,
        "tree_method": "hist",
        "eta": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "subsample": settings.subsample,
        "colsample_bytree": settings.column_sample,
        "alpha": settings.l1,
        "lambda": settings.l2,
        "seed": means.seed,
        "nthread": means.threads,
        "verbosity": 0,
    }


def _matrix(problem: Problem, means: Means) -> xgboost.DMatrix:
    numeric = problem.columns.shape[1] - len(problem.categories)
    return xgboost.DMatrix(
        problem.columns,
        label=problem.labels,
        weight=problem.weights,
        feature_types=["float"] * numeric + ["c"] * len(problem.categories),
        enable_categorical=True,
        nthread=means.threads,
    )


def _rows_to_one(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    precise = probability.astype(np.float64)
    return precise / precise.sum(axis=1, keepdims=True)
