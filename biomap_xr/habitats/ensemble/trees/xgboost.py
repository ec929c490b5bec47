"""XGBoost's models as tables, from the JSON that XGBoost itself writes."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.ensemble.trees.table import Branches, Link, TreeTable, assembled

LINKS: Mapping[str, Link] = {"multi:softprob": "softmax", "binary:logistic": "sigmoid"}
WORD = 32


def from_xgboost(content: bytes) -> TreeTable | None:
    """Read a model of XGBoost.

    Args:
        content: As ``Booster.save_raw("json")`` gives it.

    Returns:
        The table, or None where the model has a form that only the library evaluates: dropped
        trees, linear boosters, leaves of several values, or an objective without probabilities.
    """
    learner = json.loads(content)["learner"]
    booster, facts = learner["gradient_booster"], learner["learner_model_param"]
    link = LINKS.get(learner["objective"]["name"])
    if booster["name"] != "gbtree" or link is None:
        return None
    model = booster["model"]
    if any(int(tree["tree_param"].get("size_leaf_vector", 1)) > 1 for tree in model["trees"]):
        return None
    classes = max(1, int(facts["num_class"]))
    return TreeTable(
        trees=assembled(
            [_branches(tree) for tree in model["trees"]], model["tree_info"], np.float32
        ),
        start=_start(facts["base_score"], link, classes),
        link=link,
        columns=int(facts["num_feature"]),
    )


def _start(text: str, link: Link, classes: int) -> NDArray[np.float32]:
    """Return the scores before the first tree ``(class,)``; they are written as probabilities."""
    score = np.array(json.loads(text), np.float64).reshape(-1)
    if link == "sigmoid":
        score = np.log(score / (1 - score))
    return np.broadcast_to(score, (classes,)).astype(np.float32)


def _branches(tree: Mapping[str, Any]) -> Branches:
    children = [np.array(tree[name], np.int32) for name in ("left_children", "right_children")]
    leaf = children[0] < 0
    # Inner nodes and leaves are numbered apart; a leaf's number is its complement.
    number = np.where(leaf, ~(np.cumsum(leaf) - 1), np.cumsum(~leaf) - 1).astype(np.int32)
    left, right = (number[child[~leaf]] for child in children)
    condition = np.array(tree["split_conditions"], np.float32)
    category = np.array(tree.get("split_type", np.zeros(len(leaf))), np.int32)[~leaf] == 1
    missing_left = np.array(tree["default_left"], np.int32)[~leaf] == 1
    # XGBoost goes left below the threshold: at most the float32 before it.
    threshold = np.nextafter(condition[~leaf], np.float32(-np.inf))
    threshold[category] = np.arange(category.sum())
    return Branches(
        column=np.array(tree["split_indices"], np.int32)[~leaf],
        threshold=threshold,
        # Categories of a set go right there, and left here.
        left=np.where(category, right, left),
        right=np.where(category, left, right),
        missing_left=missing_left ^ category,
        category=category,
        sets=_sets(tree, np.flatnonzero(~leaf)[category]),
        value=condition[leaf],
    )


def _sets(tree: Mapping[str, Any], nodes: NDArray[np.int64]) -> tuple[NDArray[np.uint32], ...]:
    """Return the words of the sets that categorical nodes ask for, in the nodes' order."""
    place = {node: index for index, node in enumerate(tree.get("categories_nodes", ()))}
    sets = []
    for node in nodes.tolist():
        first = tree["categories_segments"][place[node]]
        members = tree["categories"][first : first + tree["categories_sizes"][place[node]]]
        words = np.zeros(max(members, default=0) // WORD + 1, np.uint32)
        for member in members:
            words[member // WORD] |= np.uint32(1 << member % WORD)
        sets.append(words)
    return tuple(sets)
