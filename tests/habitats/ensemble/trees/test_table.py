import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.trees.table import (
    Branches,
    TreeTable,
    assembled,
    linked,
    rounded_down,
)


def stump(threshold, left, right):
    """One node: column 0 at most a threshold."""
    return Branches(
        column=np.array([0], np.int32),
        threshold=np.array([threshold], np.float32),
        left=np.array([~0], np.int32),
        right=np.array([~1], np.int32),
        missing_left=np.array([True]),
        category=np.array([False]),
        sets=(),
        value=np.array([left, right], np.float64),
    )


def leaf(value):
    nothing = np.empty(0, np.int32)
    return Branches(
        nothing,
        np.empty(0, np.float32),
        nothing,
        nothing,
        nothing > 0,
        nothing > 0,
        (),
        np.array([value]),
    )


def test_sums_by_hand():
    trees = assembled([stump(0.5, 1, 2), leaf(10.0), stump(1.5, 4, 8)], [0, 1, 0], np.float64)
    table = TreeTable(trees, np.array([100.0, 0.0]), "share", 1)
    columns = np.array([[0.5], [1.0], [2.0], [np.nan]], np.float32)
    first = np.array([105, 106, 110, 105])
    np.testing.assert_allclose(
        table.probabilities(columns), np.stack([first, np.full(4, 10)], 1) / (first + 10)[:, None]
    )


def test_links_against_scipy():
    sums = np.random.default_rng(0).normal(0, 300, (50, 4)).astype(np.float32)
    np.testing.assert_allclose(
        linked(sums, "softmax"), softmax(sums.astype(float), axis=1), atol=1e-15
    )
    np.testing.assert_allclose(linked(sums[:, :1] / 10, "sigmoid")[:, 1:], expit(sums[:, :1] / 10))


@given(st.floats(-1e30, 1e30), st.floats(-(2.0**99), 2.0**99, width=32))
def test_no_value_changes_sides_of_a_rounded_threshold(threshold, value):
    assert (np.float64(value) <= threshold) == (
        np.float32(value) <= rounded_down(np.array([threshold]))[0]
    )


def test_columns_that_do_not_fit():
    table = TreeTable(assembled([stump(0.5, 1, 2)], [0], np.float64), np.zeros(1), "share", 3)
    with pytest.raises(InputError, match=r"\(2, 2\), expected \(row, 3\)"):
        table.probabilities(np.zeros((2, 2), np.float32))
