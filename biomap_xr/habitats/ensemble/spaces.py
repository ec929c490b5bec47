"""Which hyperparameters are tried, and between which limits.

Two stages (paper 2, Hyperparameter tuning): the optimiser first, without regularisation; then
regularisation, with the best optimiser. Paper 2 tells the procedure, not the limits: they are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from biomap_xr.habitats.ensemble.learners.protocol import Algorithm
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings

Stage = Literal["optimiser", "regularisation"]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both of them possible."""

    low: float
    high: float
    log: bool = False
    """Tried evenly over factors, not over differences."""
    whole: bool = False
    """Whole numbers only."""


Space = Mapping[str, Range | tuple[Any, ...]]
"""A range or the choices of each setting by name."""

SPACES: dict[tuple[Algorithm, Stage], Space] = {
    ("forest", "optimiser"): {
        "criterion": ("gini", "entropy"),
        "max_features": ("sqrt", "log2", 0.3, 0.6),
    },
    ("forest", "regularisation"): {
        "max_depth": Range(5, 30, whole=True),
        "min_leaf": Range(1, 20, log=True, whole=True),
        "max_samples": Range(0.4, 1.0),
    },
    ("xgboost", "optimiser"): {"learning_rate": Range(0.02, 0.3, log=True)},
    ("xgboost", "regularisation"): {
        "max_depth": Range(3, 12, whole=True),
        "min_child_weight": Range(1.0, 20.0, log=True),
        "subsample": Range(0.5, 1.0),
        "column_sample": Range(0.3, 1.0),
        "l1": Range(1e-3, 10.0, log=True),
        "l2": Range(1e-2, 10.0, log=True),
    },
    ("catboost", "optimiser"): {"learning_rate": Range(0.03, 0.5, log=True)},
    ("catboost", "regularisation"): {
        "max_depth": Range(4, 8, whole=True),
        "l2": Range(0.1, 30.0, log=True),
        "random_strength": Range(0.01, 10.0, log=True),
    },
    ("lightgbm", "optimiser"): {
        "learning_rate": Range(0.01, 0.3, log=True),
        "leaves": Range(7, 127, log=True, whole=True),
    },
    ("lightgbm", "regularisation"): {
        "max_depth": Range(3, 12, whole=True),
        "min_leaf": Range(2, 60, log=True, whole=True),
        "subsample": Range(0.5, 1.0),
        "column_sample": Range(0.3, 1.0),
        "l1": Range(1e-3, 10.0, log=True),
        "l2": Range(1e-3, 10.0, log=True),
    },
    ("perceptron", "optimiser"): {
        "optimiser": ("radam", "sgd"),
        "learning_rate": (1e-3, 1e-2, 1e-4),
    },
    ("perceptron", "regularisation"): {
        "dropout": (0.2, 0.0, 0.5),
        "weight_decay": (1e-3, 1e-4, 1e-2),
    },
}
"""Boosting and forests are searched; a perceptron's settings are choices, tried as a grid."""

UNREGULARISED: dict[Algorithm, dict[str, Any]] = {
    "forest": {"max_depth": None, "min_leaf": 1, "max_samples": 1.0},
    "xgboost": {
        "max_depth": 0,
        "min_child_weight": 1.0,
        "subsample": 1.0,
        "column_sample": 1.0,
        "l1": 0.0,
        "l2": 0.0,
    },
    "catboost": {"l2": 0.0, "random_strength": 0.0},
    "lightgbm": {
        "max_depth": None,
        "min_leaf": 1,
        "subsample": 1.0,
        "column_sample": 1.0,
        "l1": 0.0,
        "l2": 0.0,
    },
    "perceptron": {"dropout": 0.0, "weight_decay": 0.0},
}
"""What switches regularisation off while optimisers are compared."""


def changed(settings: LearnerSettings, values: Mapping[str, Any]) -> LearnerSettings:
    """Return settings with other values, validated again.

    Raises:
        ValueError: A value cannot be.

    >>> from biomap_xr.habitats.ensemble.learners.settings import ForestSettings
    >>> changed(ForestSettings(), {"max_depth": 7}).max_depth
    7
    """
    return type(settings).model_validate({**settings.model_dump(), **values})


def grid(space: Space, most: int) -> list[dict[str, Any]]:
    """Return combinations of choices, the first choices first, ``most`` at most.

    >>> grid({"a": (1, 2), "b": ("x", "y")}, 3)
    [{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}]
    """
    choices = {name: each for name, each in space.items() if isinstance(each, tuple)}
    points = product(*choices.values())
    return [dict(zip(choices, point, strict=True)) for point in points][:most]
