import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.habitats.ensemble.trees.kernel import (
    CATEGORICAL,
    COLUMN,
    DE_BRUIJN,
    DEFAULT_LEFT,
    LANES,
    PLACE,
    Trees,
    add_up,
)

CLASSES, WIDTH = 3, 4


def grown(rng, trees, depth, dtype):
    """Random trees with thresholds, sets of categories and missing values that go either way."""
    nodes, roots, starts, classes, values, sets = [], [], [0], [], [], []

    def grow(level):
        if level == depth or rng.random() < 0.2:
            chosen = rng.choice(CLASSES, rng.integers(0, CLASSES + 1), replace=False)
            classes.extend(chosen)
            values.extend(rng.normal(size=len(chosen)))
            starts.append(len(classes))
            return ~(len(starts) - 2)
        place = len(nodes)
        nodes.append([0, 0, 0, 0])
        flags = rng.integers(0, WIDTH) + (DEFAULT_LEFT if rng.random() < 0.5 else 0)
        if rng.random() < 0.3:
            flags += CATEGORICAL
            decides = len(sets)
            sets.append(rng.integers(0, 2**32, rng.integers(1, 3), dtype=np.uint32))
        else:
            decides = np.float32(rng.integers(-2, 40)).view(np.int32)
        nodes[place] = [flags, decides, grow(level + 1), grow(level + 1)]
        return place

    roots = [grow(0) for _ in range(trees)]
    return Trees(
        np.array(nodes, np.int32).reshape(-1, 4),
        np.array(roots, np.int32),
        np.array(starts, np.int64),
        np.array(classes, np.int32),
        np.array(values, dtype),
        np.cumsum([0, *map(len, sets)]).astype(np.int64),
        np.concatenate([*sets, np.empty(0, np.uint32)]),
    )


def walked(trees, row, sums):
    """Send one row down all trees, as the text of a library's manual says."""
    for root in trees.roots:
        node = int(root)
        while node >= 0:
            flags, decides, left, right = trees.nodes[node]
            value = row[flags & COLUMN]
            if np.isnan(value):
                goes_left = bool(flags & DEFAULT_LEFT)
            elif flags & CATEGORICAL:
                words = trees.set_words[trees.set_start[decides] : trees.set_start[decides + 1]]
                members = [
                    bit for bit in range(32 * len(words)) if words[bit // 32] >> bit % 32 & 1
                ]
                goes_left = int(value) in members and value >= 0
            else:
                goes_left = value <= np.int32(decides).view(np.float32)
            node = int(left if goes_left else right)
        for entry in range(trees.leaf_start[~node], trees.leaf_start[~node + 1]):
            sums[trees.entry_class[entry]] += trees.entry_value[entry]


@given(seed=st.integers(0, 10_000), rows=st.integers(0, 200), single=st.booleans())
@settings(deadline=None, max_examples=40)
def test_equals_a_plain_walk_to_the_last_bit(seed, rows, single):
    rng = np.random.default_rng(seed)
    trees = grown(rng, 6, 5, np.float32 if single else np.float64)
    # Whole numbers, so that many values lie exactly on a threshold.
    columns = rng.integers(-3, 70, (rows, WIDTH)).astype(np.float32)
    columns[rng.random(columns.shape) < 0.2] = np.nan
    # Neighbours are alike, so that whole words go one way.
    columns = np.repeat(columns, rng.integers(1, 20), axis=0)[:rows]
    found = np.full((rows, CLASSES), 0.25, trees.entry_value.dtype)
    expected = found.copy()
    add_up(trees, columns, found)
    for row, sums in zip(columns, expected, strict=True):
        walked(trees, row, sums)
    np.testing.assert_array_equal(found, expected)


def test_infinite_values_and_huge_categories():
    rng = np.random.default_rng(3)
    trees = grown(rng, 8, 5, np.float64)
    columns = rng.choice(np.float32([-np.inf, np.inf, 3e38, -1.0, 63.0, 64.0]), (100, WIDTH))
    found, expected = np.zeros((2, 100, CLASSES))
    add_up(trees, columns, found)
    for row, sums in zip(columns, expected, strict=True):
        row = np.where(np.abs(row) > 1e30, np.sign(row) * 1e30, row)
        walked(trees, row, sums)
    np.testing.assert_array_equal(found, expected)


def test_every_bit_has_a_place_of_its_own():
    for bit in range(LANES):
        product = int(DE_BRUIJN) << bit & (1 << 64) - 1
        assert PLACE[product >> 58] == bit
