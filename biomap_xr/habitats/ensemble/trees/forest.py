"""Random forests as tables, from the arrays that they are kept in."""

import numpy as np

from biomap_xr.habitats.ensemble.learners.forest import Forest
from biomap_xr.habitats.ensemble.trees.kernel import Trees
from biomap_xr.habitats.ensemble.trees.table import TreeTable


def from_forest(forest: Forest) -> TreeTable:
    """Read a forest; its nodes and leaves are numbered apart here, and a leaf's below 0."""
    leaf = forest.feature < 0
    # A leaf keeps its number where an inner node has its left child.
    number = np.where(leaf, ~forest.left, np.cumsum(~leaf) - 1).astype(np.int32)
    inner = np.flatnonzero(~leaf)
    nodes = np.stack(
        [
            forest.feature[inner],
            forest.threshold[inner].view(np.int32),
            number[forest.left[inner]],
            number[forest.right[inner]],
        ],
        axis=1,
    )
    trees = Trees(
        nodes=nodes.astype(np.int32),
        roots=number[forest.roots],
        leaf_start=forest.leaf_start,
        entry_class=forest.leaf_class.astype(np.int32),
        entry_value=forest.leaf_share.astype(np.float64),
        set_start=np.zeros(1, np.int64),
        set_words=np.empty(0, np.uint32),
    )
    columns = int(forest.feature.max(initial=-1)) + 1
    return TreeTable(trees, np.zeros(int(forest.classes[0])), "share", columns)
