"""LightGBM's models as tables, from the text that LightGBM itself writes."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.ensemble.trees.table import (
    Branches,
    Link,
    TreeTable,
    assembled,
    rounded_down,
)

ZERO = 1e-35
"""LightGBM takes smaller values as 0, and has thresholds there."""
IS_CATEGORY, IS_LEFT = 1, 2
"""Bits of a decision type."""
NO_MISSING, ZERO_MISSING = 0, 1
"""What counts as missing: nothing (NaN is then 0), or zero; 2 is NaN."""


def from_lightgbm(text: str) -> TreeTable | None:
    """Read a model of LightGBM.

    Args:
        text: As ``Booster.model_to_string`` gives it.

    Returns:
        The table, or None where the model has a form that only the library evaluates: linear
        leaves, averaged output, zeros taken as missing, or an objective without probabilities.
    """
    header, *sections = text.split("\nTree=")
    facts = _fields(header)
    link = _link(facts.get("objective", ""))
    if link is None or "average_output" in header.split("\n"):
        return None
    trees = [_fields(section) for section in sections]
    read = [_branches(fields) for fields in trees]
    branches = [tree for tree in read if tree is not None]
    if len(branches) < len(read):
        return None
    each = int(facts["num_tree_per_iteration"])
    return TreeTable(
        trees=assembled(branches, [index % each for index in range(len(trees))], np.float64),
        start=np.zeros(each),
        link=link,
        columns=int(facts["max_feature_idx"]) + 1,
        zero=ZERO,
    )


def _link(objective: str) -> Link | None:
    if objective.startswith("multiclass "):
        return "softmax"
    # A steepness other than 1 is asked for by nobody here, and is left to the library.
    return "sigmoid" if objective == "binary sigmoid:1" else None


def _branches(fields: Mapping[str, str]) -> Branches | None:
    value = _numbers(fields, "leaf_value", np.float64)
    kind = _numbers(fields, "decision_type", np.int32)
    category, missing = (kind & IS_CATEGORY).astype(bool), kind >> 2
    if fields.get("is_linear", "0") != "0" or (~category & (missing == ZERO_MISSING)).any():
        return None
    exact = _numbers(fields, "threshold", np.float64)
    default = np.where(missing == NO_MISSING, exact >= 0, (kind & IS_LEFT) > 0)
    return Branches(
        column=_numbers(fields, "split_feature", np.int32),
        threshold=np.where(category, exact, rounded_down(exact)).astype(np.float32),
        left=_numbers(fields, "left_child", np.int32),
        right=_numbers(fields, "right_child", np.int32),
        missing_left=default & ~category,
        category=category,
        sets=_sets(fields),
        value=value,
    )


def _sets(fields: Mapping[str, str]) -> tuple[NDArray[np.uint32], ...]:
    if fields.get("num_cat", "0") == "0":
        return ()
    words = _numbers(fields, "cat_threshold", np.uint32)
    bounds = _numbers(fields, "cat_boundaries", np.int64)
    return tuple(words[first:last] for first, last in pairwise(bounds))


def _fields(section: str) -> dict[str, str]:
    """Return the ``name=value`` lines of a section."""
    lines = section.split("\n\n", 1)[0].split("\n")
    pairs = (line.partition("=")[::2] for line in lines if "=" in line)
    return dict(pairs)


def _numbers(fields: Mapping[str, str], name: str, dtype: type[np.number]) -> NDArray[Any]:
    # A tree of a single leaf has no lines for its nodes.
    return np.array(fields.get(name, "").split(), dtype)
