import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.habitats.ensemble.imbalance import class_weights, margins

counts = st.lists(st.integers(1, 10_000), min_size=2, max_size=12).map(np.array)


@given(counts)
def test_class_weights_are_inverse_to_frequencies(n):
    np.testing.assert_array_equal(class_weights(n), n.sum() / (len(n) * n))
    assert (class_weights(n) * n).sum() == pytest.approx(n.sum())


def test_margins_by_hand():
    # 16^(-1/4) = 1/2 and 81^(-1/4) = 1/3, scaled so that the largest is one half.
    np.testing.assert_allclose(margins(np.array([16, 81, 1])), [0.25, 0.5 / 3, 0.5])


@given(counts, st.floats(0.01, 2))
def test_rarest_class_has_the_largest_margin(n, largest):
    found = margins(n, largest)
    assert found.max() == pytest.approx(largest)
    assert (np.diff(found[np.argsort(n)]) <= 1e-12).all()
