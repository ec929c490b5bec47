"""From labelled rows to a learner, and from files back: the same for all five libraries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.imbalance import class_weights
from biomap_xr.habitats.ensemble.learners.arrays import (
    file_of,
    json_from_bytes,
    json_to_bytes,
)
from biomap_xr.habitats.ensemble.learners.protocol import (
    FAMILIES,
    ONE_THREAD,
    Algorithm,
    Family,
    Means,
    Model,
    Problem,
    Rows,
)
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings, PerceptronSettings
from biomap_xr.habitats.ensemble.preprocessing import Preparation, Style
from biomap_xr.habitats.eunis import number_of
from biomap_xr.run.folder import digest

CARD = "learner.json"
FORMAT = 1
"""Of the files; raised when a reader of today could not read them."""


class _Fit(Protocol):
    def __call__(
        self, problem: Problem, held_out: Problem | None, settings: Any, means: Means
    ) -> Model:
        """Fit a model."""


class _Load(Protocol):
    def __call__(self, files: Mapping[str, bytes]) -> Model:
        """Read a model back."""


@dataclass(frozen=True, eq=False)
class FittedLearner:
    """A learner: pre-processing and model, known by the name of its member."""

    name: str
    algorithm: Algorithm
    classes: tuple[str, ...]
    """Codes that training rows had, sorted by their number on the map."""
    preparation: Preparation
    model: Model
    training: dict[str, Any] = field(default_factory=dict)
    """What is told of the training: rows by class, missing values, seed."""
    threads: int = 1
    """Of a prediction; not stored."""

    @property
    def family(self) -> Family:
        """Bagging, boosting or perceptron."""
        return FAMILIES[self.algorithm]

    @property
    def features(self) -> FeatureTable:
        """Predictors in the order of the columns that `predict_proba` takes."""
        return self.preparation.table

    def with_threads(self, threads: int) -> Self:
        """Return the learner with another number of threads for predictions."""
        return replace(self, threads=threads)

    def predict_proba(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities of raw predictors.

        Args:
            values: ``(row, feature)`` in the order of `features`, NaN where missing.

        Returns:
            ``(row, class)`` in the order of `classes`; rows sum to 1.

        Raises:
            InputError: Columns do not fit the feature table.
        """
        columns = self.preparation.apply(values)
        if not len(columns):
            return np.empty((0, len(self.classes)))
        return self.model.probabilities(columns, self.threads)

    def to_files(self) -> dict[str, bytes]:
        """Return the learner as files: a JSON card and the model in its library's open format."""
        model = self.model.to_files()
        card = {
            "format": FORMAT,
            "name": self.name,
            "algorithm": self.algorithm,
            "classes": list(self.classes),
            "preparation": self.preparation.model_dump(mode="json"),
            "training": self.training,
            "sha256": {name: digest(content) for name, content in model.items()},
        }
        return {CARD: json_to_bytes(card), **model}


def fit_learner(
    name: str,
    settings: LearnerSettings,
    table: FeatureTable,
    training: Rows,
    held_out: Rows | None = None,
    *,
    means: Means = ONE_THREAD,
) -> FittedLearner:
    """Fit a learner on labelled rows.

    Args:
        name: Of the member, such as ``wrf``.
        settings: Algorithm, hyperparameters and imbalance strategy.
        table: Types of the predictors, in the order of the rows' columns.
        training: Rows whose classes the learner will know.
        held_out: Rows of other blocks, for early stopping and a perceptron's temperature; those of
            a class that training rows lack are left out.
        means: Seed, threads and device.

    Returns:
        The learner; equal rows, settings and seed give an equal one on one machine.

    Raises:
        InputError: Rows do not fit the table, or have fewer than two classes.
    """
    classes, labels = _numbered(name, training.codes)
    preparation = Preparation.fit(style_of(settings), table, training.values)
    counts = np.bincount(labels, minlength=len(classes))
    weighted = settings.imbalance == "class_weights"
    weight = class_weights(counts) if weighted else np.ones(len(classes))

    def problem(rows: Rows, numbers: NDArray[np.int64]) -> Problem:
        return Problem(
            preparation.apply(rows.values),
            numbers,
            weight[numbers],
            len(classes),
            preparation.category_sizes,
        )

    known = None if held_out is None else held_out.select(np.isin(held_out.codes, classes))
    stopping = None
    if known is not None and len(known):
        stopping = problem(known, _numbers(known.codes, classes))
    fit, _ = _library(settings.algorithm)
    with threadpool_limits(means.threads):
        model = fit(problem(training, labels), stopping, settings, means)
    told = {
        "settings": settings.model_dump(mode="json"),
        "seed": means.seed,
        "rows": dict(zip(classes, counts.tolist(), strict=True)),
        "held_out_rows": 0 if known is None else len(known),
        "missing": preparation.missing(training.values),
        "model": model.summary(),
    }
    return FittedLearner(name, settings.algorithm, classes, preparation, model, told, means.threads)


def learner_from_files(files: Mapping[str, bytes], *, threads: int = 1) -> FittedLearner:
    """Read a learner back.

    Args:
        files: As `FittedLearner.to_files` gave them.
        threads: Of predictions.

    Raises:
        InputError: A file is missing, or of another format.
        CorruptError: A file is damaged.
    """
    card = json_from_bytes(file_of(files, CARD), CARD)
    if card.get("format") != FORMAT:
        raise InputError(
            f"{CARD} is of format {card.get('format')!r}, expected {FORMAT}; train again or use "
            "the version that wrote it"
        )
    try:
        preparation = Preparation.model_validate(card["preparation"])
        algorithm, classes = card["algorithm"], tuple(card["classes"])
        name, training = str(card["name"]), dict(card["training"])
        digests = dict(card["sha256"])
    except (KeyError, TypeError, ValidationError) as error:
        raise CorruptError(
            f"{CARD} is no card of a learner: {error}; restore the file or train again"
        ) from error
    for file, expected in digests.items():
        # Some libraries end the process on a damaged file, so none is given one.
        if digest(file_of(files, file)) != expected:
            raise CorruptError(
                f"{file}: {len(files[file])} bytes with SHA-256 {digest(files[file])}, {CARD} "
                f"expects {expected}; restore the file or train again"
            )
    _, load = _library(algorithm)
    return FittedLearner(name, algorithm, classes, preparation, load(files), training, threads)


def style_of(settings: LearnerSettings) -> Style:
    """Return which pre-processing a learner has.

    >>> style_of(PerceptronSettings(categories="embedding"))
    'embedding'
    """
    if isinstance(settings, PerceptronSettings) and settings.categories == "embedding":
        return "embedding"
    return settings.algorithm


def _library(algorithm: str) -> tuple[_Fit, _Load]:
    """Return how a library fits and reads; it is imported here, where a recipe has chosen it."""
    match algorithm:
        case "forest":
            from biomap_xr.habitats.ensemble.learners import forest  # noqa: PLC0415 - as below

            return forest.fit_forest, forest.Forest.from_files
        case "xgboost":
            from biomap_xr.habitats.ensemble.learners import xgboost  # noqa: PLC0415 - heavy

            return xgboost.fit_xgboost, xgboost.XGBoost.from_files
        case "catboost":
            from biomap_xr.habitats.ensemble.learners import catboost  # noqa: PLC0415 - heavy

            return catboost.fit_catboost, catboost.CatBoost.from_files
        case "lightgbm":
            from biomap_xr.habitats.ensemble.learners import lightgbm  # noqa: PLC0415 - heavy

            return lightgbm.fit_lightgbm, lightgbm.LightGBM.from_files
        case "perceptron":
            from biomap_xr.habitats.ensemble.learners import perceptron  # noqa: PLC0415 - as above

            return perceptron.fit_perceptron, perceptron.Perceptron.from_files
    raise CorruptError(
        f"{CARD} names the algorithm {algorithm!r}, expected one of {', '.join(FAMILIES)}; restore "
        "the file or train again"
    )


def _numbered(name: str, codes: NDArray[np.str_]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the classes by their number on the map, and the place of each row's among them."""
    classes = tuple(sorted(np.unique(codes).tolist(), key=number_of))
    if len(classes) < 2:
        raise InputError(
            f"learner {name!r}: {len(codes)} training rows of the classes {list(classes)}, "
            "expected two classes at least; give more plots or leave the formation out"
        )
    return classes, _numbers(codes, classes)


def _numbers(codes: NDArray[np.str_], classes: tuple[str, ...]) -> NDArray[np.int64]:
    place = {code: number for number, code in enumerate(classes)}
    return np.array([place[code] for code in codes.tolist()], np.int64)
