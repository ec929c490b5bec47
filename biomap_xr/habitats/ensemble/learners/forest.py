"""Random forest: grown by scikit-learn, kept as plain arrays, walked by a compiled loop."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.arrays import (
    arrays_from_bytes,
    arrays_to_bytes,
    file_of,
)
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import ForestSettings

FILE = "forest.safetensors"
LEAF = -1


@dataclass(frozen=True, eq=False)
class Forest:
    """All trees one behind the other: an inner node sends a row left where column <= threshold."""

    roots: NDArray[np.int64]
    """Number of each tree's first node ``(tree,)``."""
    feature: NDArray[np.int32]
    """Column that a node asks ``(node,)``, or `LEAF`."""
    threshold: NDArray[np.float32]
    """Of an inner node ``(node,)``."""
    left: NDArray[np.int32]
    """Number of the node for a yes ``(node,)``; of a leaf: its number among all leaves."""
    right: NDArray[np.int32]
    """Number of the node for a no ``(node,)``."""
    leaf_start: NDArray[np.int64]
    """Where the classes of each leaf begin (leaf + 1,); most leaves hold few of many classes."""
    leaf_class: NDArray[np.uint16]
    """Number of a class in a leaf ``(entry,)``."""
    leaf_share: NDArray[np.float32]
    """Its share of the leaf's weight ``(entry,)``, 0 to 1; a leaf's sum to 1."""
    classes: NDArray[np.int64]
    """How many classes there are (1,)."""

    @classmethod
    def of(cls, fitted: RandomForestClassifier) -> Self:
        """Take the arrays out of a fitted forest of scikit-learn."""
        trees = [estimator.tree_ for estimator in fitted.estimators_]
        roots = np.cumsum([0] + [tree.node_count for tree in trees])[:-1]
        feature = np.concatenate([tree.feature for tree in trees]).astype(np.int32)
        leaf = np.concatenate([tree.children_left == -1 for tree in trees])
        feature[leaf] = LEAF
        left = np.concatenate(
            [tree.children_left + root for tree, root in zip(trees, roots, strict=True)]
        )
        right = np.concatenate(
            [tree.children_right + root for tree, root in zip(trees, roots, strict=True)]
        )
        left[leaf], right[leaf] = np.arange(leaf.sum()), LEAF
        shares = np.concatenate([tree.value[tree.children_left == -1, 0] for tree in trees])
        shares /= shares.sum(axis=1, keepdims=True)
        rows, classes = np.nonzero(shares)
        threshold = np.concatenate([tree.threshold for tree in trees])
        return cls(
            roots=roots.astype(np.int64),
            feature=feature,
            threshold=_below(np.where(leaf, 0.0, threshold)),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            leaf_start=np.searchsorted(rows, np.arange(len(shares) + 1)).astype(np.int64),
            leaf_class=classes.astype(np.uint16),
            leaf_share=shares[rows, classes].astype(np.float32),
            classes=np.array([shares.shape[1]], np.int64),
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a forest back.

        Raises:
            InputError: Its file is missing.
            CorruptError: Its file is damaged.
        """
        arrays = arrays_from_bytes(file_of(files, FILE), FILE)
        wanted = {field.name for field in fields(cls)}
        if set(arrays) != wanted:
            raise CorruptError(
                f"{FILE} holds {sorted(arrays)}, expected {sorted(wanted)}; restore the file or "
                "train again"
            )
        return cls(**arrays)

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return the mean share of each class over all trees ``(row, class)``.

        Args:
            columns: Prepared ``(row, column)``, without NaN.
            threads: Not used: one walk is one thread.
        """
        total = np.zeros((len(columns), int(self.classes[0])))
        _walk(
            np.ascontiguousarray(columns),
            (self.roots, self.feature, self.threshold, self.left, self.right),
            (self.leaf_start, self.leaf_class, self.leaf_share),
            total,
        )
        return total / total.sum(axis=1, keepdims=True)

    def summary(self) -> dict[str, Any]:
        """Count trees and nodes."""
        return {"trees": len(self.roots), "nodes": len(self.feature)}

    def to_files(self) -> dict[str, bytes]:
        """Return the arrays as one file of safetensors."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {FILE: arrays_to_bytes(arrays)}


def fit_forest(
    problem: Problem, held_out: Problem | None, settings: ForestSettings, means: Means
) -> Forest:
    """Grow a random forest; a forest has no early stopping, so held-out rows are not looked at."""
    # "balanced" would draw bootstrap samples by weight since scikit-learn 1.9, which is the
    # over-sampling of rare habitats that paper 2 avoids; this one weighs the splitting criterion.
    weighted = "balanced_subsample" if settings.imbalance == "class_weights" else None
    fitted = RandomForestClassifier(
        n_estimators=settings.trees,
        criterion=settings.criterion,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.max_features,
        max_samples=settings.max_samples,
        class_weight=weighted,
        random_state=means.seed,
        n_jobs=means.threads,
    ).fit(problem.columns, problem.labels)
    return Forest.of(fitted)


def _below(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 at most each threshold: no float32 column changes sides."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


@numba.njit(cache=True, nogil=True)
def _walk(columns: Any, trees: Any, leaves: Any, total: Any) -> None:
    """Add the shares of each row's leaf, tree by tree, to ``total`` ``(row, class)``."""
    roots, feature, threshold, left, right = trees
    start, classes, shares = leaves
    for row in range(columns.shape[0]):
        for tree in range(roots.size):
            node = roots[tree]
            while feature[node] >= 0:
                if columns[row, feature[node]] <= threshold[node]:
                    node = np.int64(left[node])
                else:
                    node = np.int64(right[node])
            leaf = left[node]
            for entry in range(start[leaf], start[leaf + 1]):
                total[row, classes[entry]] += shares[entry]
