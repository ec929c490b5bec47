"""Gradient boosting by CatBoost: the only module that imports it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import catboost
import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.arrays import file_of
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import CatBoostSettings

FILE = "catboost.cbm"
MAGIC = b"CBM1"


@dataclass(frozen=True, eq=False)
class CatBoost:
    """A booster of softmax oblivious trees."""

    booster: catboost.CatBoost
    content: bytes
    """The booster as CatBoost's own binary; written again after reading it would be another."""

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a booster back.

        Raises:
            InputError: Its file is missing.
            CorruptError: Its file is damaged.
        """
        content, booster = file_of(files, FILE), catboost.CatBoost()
        # CatBoost reads past the end of a binary cut short: nonsense, or the end of the process.
        if not (content.startswith(MAGIC) and len(content) >= 8 + _trees_length(content)):
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that are no complete model of CatBoost; restore "
                "the file or train again"
            )
        try:
            booster.load_model(blob=content)
        except catboost.CatBoostError as error:
            raise CorruptError(
                f"{FILE}: {len(content)} bytes that CatBoost cannot read ({error}); restore the "
                "file or train again"
            ) from error
        return cls(booster, content)

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``, NaN where missing."""
        pool = catboost.Pool(_data(columns, len(self.booster.get_cat_feature_indices())))
        found = self.booster.predict(pool, prediction_type="Probability", thread_count=threads)
        return np.asarray(found)

    def summary(self) -> dict[str, Any]:
        """Count the rounds that early stopping kept."""
        return {"rounds": int(self.booster.tree_count_)}

    def to_files(self) -> dict[str, bytes]:
        """Return the booster as CatBoost's own binary."""
        return {FILE: self.content}


def fit_catboost(
    problem: Problem, held_out: Problem | None, settings: CatBoostSettings, means: Means
) -> CatBoost:
    """Boost until the log loss on held-out rows falls no more, or for all rounds without them.

    Held-out rows have the weights of their classes, too: stopping looks at what is minimised.
    """
    booster = catboost.CatBoost(_parameters(problem, settings, means))
    stopping: dict[str, Any] = {}
    if held_out is not None:
        stopping = {
            "eval_set": _pool(held_out),
            "early_stopping_rounds": settings.patience,
            "use_best_model": True,
        }
    booster.fit(_pool(problem), **stopping)
    # A random name and the time of day: without them equal fits are equal bytes.
    for stamp in ("model_guid", "train_finish_time"):
        booster.get_metadata()[stamp] = ""
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        booster.save_model(str(path), format="cbm")
        return CatBoost(booster, path.read_bytes())


def _trees_length(content: bytes) -> int:
    """Return how many bytes the header, a mark and this number, says that the trees take."""
    return int.from_bytes(content[4:8], "little")


def _parameters(problem: Problem, settings: CatBoostSettings, means: Means) -> dict[str, Any]:
    return {
        "loss_function": "MultiClass",
        "classes_count": problem.classes,
        "iterations": settings.rounds,
        "learning_rate": settings.learning_rate,
        "depth": settings.max_depth,
        "l2_leaf_reg": settings.l2,
        "random_strength": settings.random_strength,
        "random_seed": means.seed,
        "thread_count": means.threads,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


def _pool(problem: Problem) -> catboost.Pool:
    return catboost.Pool(
        _data(problem.columns, len(problem.categories)),
        label=problem.labels,
        weight=problem.weights,
    )


def _data(columns: NDArray[np.float32], categories: int) -> catboost.FeaturesData:
    """Split columns ``(row, column)`` into numbers and, last, categories as CatBoost takes them."""
    numeric = columns.shape[1] - categories
    named = columns[:, numeric:].astype(np.int64).astype(np.bytes_).astype(object)
    return catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(columns[:, :numeric]) if numeric else None,
        cat_feature_data=named if categories else None,
    )
