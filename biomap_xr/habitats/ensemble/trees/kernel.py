"""Send 64 neighbouring cells down each tree at once, as the bits of one word.

Neighbouring cells share most of their way through a tree. A node compares one column of all 64
cells in a few vector instructions; the word says who goes left, and a branch that nobody takes is
not visited. A leaf adds its values to all cells that reached it. Sums are added up in the order of
the trees, so that they round as the library's own do.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

LANES = 64
"""Cells that go down together: bits of a word."""
FEW = 4
"""Up to so many cells of a leaf are added one by one; more are added as a vector."""

DEFAULT_LEFT = np.int32(1 << 30)
"""Flag of a node beside its column: missing values go left."""
CATEGORICAL = np.int32(1 << 29)
"""Flag of a node beside its column: it asks for a set of categories, not for a threshold."""
COLUMN = np.int32(CATEGORICAL - 1)
"""The bits that hold the column."""

ONE, NONE, BITS = np.uint64(1), np.uint64(0), np.uint64(5)
WORD = np.int64(32)
# The top six bits of a single bit times this number are different for each of the 64 bits.
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
TOP = np.uint64(58)
PLACE = np.zeros(LANES, np.int64)
PLACE[[(int(DE_BRUIJN) << bit & (1 << 64) - 1) >> 58 for bit in range(LANES)]] = range(LANES)


class Trees(NamedTuple):
    """Trees of one model as arrays; places in `leaf` are written as their complement, below 0."""

    nodes: NDArray[np.int32]
    """``(node, 4)``: column with flags, bits of the threshold or number of the set, left, right."""
    roots: NDArray[np.int32]
    """``(tree,)`` first node of each, or the complement of a leaf where a tree is nothing else."""
    leaf_start: NDArray[np.int64]
    """(leaf + 1,) where the entries of each leaf begin."""
    entry_class: NDArray[np.int32]
    """``(entry,)`` class that a value is added to."""
    entry_value: NDArray[Any]
    """``(entry,)`` values in the type that the library adds up in."""
    set_start: NDArray[np.int64]
    """(set + 1,) where the words of each set of categories begin."""
    set_words: NDArray[np.uint32]
    """``(word,)`` 32 categories each, the lowest bit the first: these go left."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_up(trees: Any, columns: Any, sums: Any) -> None:
    """Add the leaves that each row reaches to its sums.

    Args:
        trees: `Trees`.
        columns: ``(row, column)`` float32, NaN where missing; neighbours in a row are faster.
        sums: ``(row, class)`` in the type of the entries, added to in place.
    """
    rows, width = columns.shape
    values = np.zeros((width, LANES), np.float32)
    missing = np.zeros(width, np.uint64)
    block = np.empty((sums.shape[1], LANES), sums.dtype)
    # Branches that wait share no cell, so that there are never more of them than cells.
    waiting, cells = np.empty(LANES, np.int32), np.empty(LANES, np.uint64)
    sets = trees.set_start, trees.set_words
    leaves = trees.leaf_start, trees.entry_class, trees.entry_value
    for start in range(0, rows, LANES):
        count = min(LANES, rows - start)
        _turn(columns[start : start + count], values, missing)
        block[:, :count] = sums[start : start + count].T
        everyone = ~NONE >> np.uint64(LANES - count)
        for root in trees.roots:
            waiting[0], cells[0] = root, everyone
            _descend(trees.nodes, sets, leaves, (values, missing), (waiting, cells), block)
        sums[start : start + count] = block[:, :count].T


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _turn(columns: Any, values: Any, missing: Any) -> None:
    """Lay rows out column by column, and note where a value is missing."""
    for column in range(columns.shape[1]):
        absent = NONE
        for lane in range(len(columns)):
            value = columns[lane, column]
            values[column, lane] = value
            absent |= np.uint64(value != value) << np.uint64(lane)
        missing[column] = absent


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _descend(nodes: Any, sets: Any, leaves: Any, inputs: Any, stack: Any, block: Any) -> None:
    """Send the cells that wait at the root down one tree, the left branch first."""
    values, missing = inputs
    waiting, waiting_cells = stack
    top = 0
    while top >= 0:
        node, cells = waiting[top], waiting_cells[top]
        top -= 1
        while node >= 0:
            flags = nodes[node, 0]
            column = flags & COLUMN
            left = NONE
            if flags & CATEGORICAL:
                left = _in_set(sets, nodes[node, 1], values, column)
            else:
                threshold = np.int32(nodes[node, 1]).view(np.float32)
                # Written out here: a view of the row, as a call takes it, costs more than the loop.
                for lane in range(LANES):
                    left |= np.uint64(values[column, lane] <= threshold) << np.uint64(lane)
            if flags & DEFAULT_LEFT:
                left |= missing[column]
            # Only the branches that somebody takes are visited, which is what saves the time.
            left &= cells
            right = cells ^ left
            if right == NONE:
                node = nodes[node, 2]
            elif left == NONE:
                node = nodes[node, 3]
            else:
                top += 1
                waiting[top], waiting_cells[top] = nodes[node, 3], right
                node, cells = nodes[node, 2], left
        _add(leaves, ~node, cells, block)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _in_set(sets: Any, index: Any, values: Any, column: Any) -> Any:
    """Return the cells whose category is in a set; a missing, negative or unknown one is not."""
    start, words = sets
    first = start[index]
    limit = (start[index + 1] - first) * WORD
    inside = NONE
    for lane in range(LANES):
        value = values[column, lane]
        if value >= 0 and value < limit:
            category = np.int64(value)
            word = np.uint64(words[first + category // WORD])
            inside |= ((word >> np.uint64(category % WORD)) & ONE) << np.uint64(lane)
    return inside


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(leaves: Any, leaf: Any, cells: Any, block: Any) -> None:
    """Add the entries of a leaf to the totals ``(class, cell)`` of the cells that reached it."""
    start, classes, entries = leaves
    first, last = start[leaf], start[leaf + 1]
    # Cells of a word that has no more than FEW bits.
    rest = cells
    for _ in range(FEW):
        rest &= rest - ONE
    if rest == NONE:
        while cells != NONE:
            lowest = cells & (~cells + ONE)
            lane = PLACE[(lowest * DE_BRUIJN) >> TOP]
            for entry in range(first, last):
                block[classes[entry], lane] += entries[entry]
            cells ^= lowest
        return
    for entry in range(first, last):
        column, value = classes[entry], entries[entry]
        zero = value - value
        for lane in range(LANES):
            block[column, lane] += value if (cells >> np.uint64(lane)) & ONE else zero
