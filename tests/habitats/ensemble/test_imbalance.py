import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from biomap_xr.habitats.ensemble.imbalance import class_weights, margins, row_weights

counts = st.lists(st.integers(1, 10_000), min_size=2, max_size=12).map(np.array)


@given(counts)
def test_class_weights_are_those_of_scikit_learn(n):
    labels = np.repeat(np.arange(len(n)), n)
    expected = compute_class_weight("balanced", classes=np.arange(len(n)), y=labels)
    np.testing.assert_allclose(class_weights(n), expected)
    assert row_weights(labels, n, weighted=True).sum() == pytest.approx(len(labels))


def test_rows_weigh_1_without_class_weights():
    assert row_weights(np.array([0, 1, 1]), np.array([1, 2]), weighted=False).tolist() == [1] * 3


def test_margins_by_hand():
    # 16^(-1/4) = 1/2 and 81^(-1/4) = 1/3, scaled so that the largest is one half.
    np.testing.assert_allclose(margins(np.array([16, 81, 1])), [0.25, 0.5 / 3, 0.5])


@given(counts, st.floats(0.01, 2))
def test_rarest_class_has_the_largest_margin(n, largest):
    found = margins(n, largest)
    assert found.max() == pytest.approx(largest)
    assert (np.diff(found[np.argsort(n)]) <= 1e-12).all()
