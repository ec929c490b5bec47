"""Which learners can be evaluated as tables, and how each is turned into one."""

from collections.abc import Callable, Mapping
from typing import Any

from biomap_xr.habitats.ensemble.trees.forest import from_forest
from biomap_xr.habitats.ensemble.trees.lightgbm import from_lightgbm
from biomap_xr.habitats.ensemble.trees.table import TreeTable
from biomap_xr.habitats.ensemble.trees.xgboost import from_xgboost

READERS: Mapping[str, Callable[[Any], TreeTable | None]] = {
    "forest": from_forest,
    "xgboost": lambda model: from_xgboost(bytes(model.booster.save_raw("json"))),
    "lightgbm": lambda model: from_lightgbm(model.booster.model_to_string()),
}
"""By algorithm. CatBoost's oblivious trees are fast in the library itself."""


def table_of(algorithm: str, model: Any) -> TreeTable | None:
    """Return the table of a fitted model, or None where its own library evaluates it.

    Args:
        algorithm: Of the learner, such as ``forest``.
        model: What its library made, as the learner holds it.

    >>> table_of("perceptron", None) is None
    True
    """
    reader = READERS.get(algorithm)
    return None if reader is None else reader(model)
