"""A tree ensemble as one table, whatever library grew it, and its probabilities."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.trees.kernel import CATEGORICAL, DEFAULT_LEFT, Trees, add_up

Link = Literal["share", "softmax", "sigmoid"]


@dataclass(frozen=True, eq=False)
class TreeTable:
    """Trees, what they start from, and how their sums become probabilities."""

    trees: Trees
    start: NDArray[Any]
    """``(class,)`` where sums begin, in the type that the library adds up in; one for a sigmoid."""
    link: Link
    """Share: sums over their total (forests); softmax; sigmoid: of one sum for two classes."""
    columns: int
    """How many prepared columns there are at least."""
    zero: float = 0.0
    """Values up to it, above or below 0, are taken as 0."""

    def probabilities(self, columns: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``, NaN where missing.

        Rows that are neighbours on the map should be neighbours here: 64 rows go down together.

        Raises:
            InputError: Columns do not fit.
        """
        if columns.ndim != 2 or columns.shape[1] < self.columns:
            raise InputError(
                f"prepared columns have the shape {columns.shape}, expected (row, {self.columns}) "
                "as at training; prepare them with the learner's own preparation"
            )
        # In the type of the library: sums of float32 round as its own do.
        sums = np.tile(self.start, (len(columns), 1))
        if self.zero:
            columns = np.where(np.abs(columns) <= np.float32(self.zero), 0, columns)
        add_up(self.trees, np.ascontiguousarray(columns, np.float32), sums)
        return linked(sums, self.link)


def linked(sums: NDArray[Any], link: Link) -> NDArray[np.float64]:
    """Turn the sums of trees ``(row, class)`` into probabilities ``(row, class)`` that add up to 1.

    >>> linked(np.array([[0.0, np.log(3)]]), "softmax").round(6).tolist()
    [[0.25, 0.75]]
    >>> linked(np.array([[0.0]]), "sigmoid").tolist()
    [[0.5, 0.5]]
    """
    precise = sums.astype(np.float64)
    if link == "sigmoid":
        yes = 1 / (1 + np.exp(-precise))
        return np.concatenate([1 - yes, yes], axis=1)
    if link == "softmax":
        precise = np.exp(precise - precise.max(axis=1, keepdims=True))
    return precise / precise.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Branches:
    """Inner nodes and leaves of one tree as a library lists them.

    A child at or above 0 is an inner node, one below 0 the complement of a leaf.
    """

    column: NDArray[np.int32]
    """``(node,)``"""
    threshold: NDArray[np.float32]
    """``(node,)`` cells at most it go left; the number of a set of categories where it is one."""
    left: NDArray[np.int32]
    """``(node,)``"""
    right: NDArray[np.int32]
    """``(node,)``"""
    missing_left: NDArray[np.bool_]
    """``(node,)`` whether a missing value goes left."""
    category: NDArray[np.bool_]
    """``(node,)`` whether a set of categories decides."""
    sets: tuple[NDArray[np.uint32], ...]
    """Words of each set of categories; those in it go left."""
    value: NDArray[Any]
    """``(leaf,)``"""


def assembled(branches: list[Branches], classes: list[int], dtype: type[np.floating]) -> Trees:
    """Put trees with one value a leaf one behind the other.

    Args:
        branches: Of each tree.
        classes: That each tree's values are added to.
        dtype: That the library adds up in.
    """
    nodes: list[NDArray[np.int32]] = []
    roots: list[int] = []
    words: list[NDArray[np.uint32]] = []
    first_node = first_leaf = 0
    for tree in branches:
        nodes.append(_packed(tree, first_node, first_leaf, len(words)))
        words += tree.sets
        roots.append(first_node if len(tree.column) else ~first_leaf)
        first_node += len(tree.column)
        first_leaf += len(tree.value)
    sizes = [len(tree.value) for tree in branches]
    return Trees(
        nodes=np.concatenate(nodes) if nodes else np.empty((0, 4), np.int32),
        roots=np.array(roots, np.int32),
        leaf_start=np.arange(first_leaf + 1, dtype=np.int64),
        entry_class=np.repeat(np.array(classes, np.int32), sizes),
        entry_value=np.concatenate([tree.value for tree in branches]).astype(dtype),
        set_start=np.cumsum([0, *map(len, words)]).astype(np.int64),
        set_words=np.concatenate([*words, np.empty(0, np.uint32)]).astype(np.uint32),
    )


def rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 at most each threshold: no float32 value changes sides.

    >>> bool(rounded_down(np.array([0.1]))[0] <= 0.1), float(rounded_down(np.array([0.5]))[0])
    (True, 0.5)
    """
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _packed(tree: Branches, first_node: int, first_leaf: int, sets: int) -> NDArray[np.int32]:
    """Return the nodes of a tree ``(node, 4)`` with numbers that count over all trees."""
    flags = np.where(tree.missing_left, DEFAULT_LEFT, 0) + np.where(tree.category, CATEGORICAL, 0)
    bits = tree.threshold.astype(np.float32).view(np.int32)
    numbers = np.where(tree.category, tree.threshold, 0).astype(np.int32) + sets
    left, right = (
        np.where(child >= 0, child + first_node, child - first_leaf)
        for child in (tree.left, tree.right)
    )
    decides = np.where(tree.category, numbers, bits)
    return np.stack([tree.column + flags, decides, left, right], axis=1).astype(np.int32)
