import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.covariates.selection import least_correlated
from biomap_xr.errors import InputError


def test_hand_worked():
    # r(a, b) = -1, r(a, c) = 0, r(a, d) = 0.8 over four places.
    a = np.array([-3.0, -1.0, 1.0, 3.0])
    c = np.array([1.0, -1.0, -1.0, 1.0])
    d = 4 * a / np.sqrt(20) + 3 * c / 2
    selection = least_correlated(("a", "b", "c", "d"), np.stack([a, -2 * a, c, d], axis=1), 0.7)
    assert selection.kept == ("a", "c")
    dropped = {each.name: (each.partner, each.correlation) for each in selection.dropped}
    assert dropped["b"] == ("a", pytest.approx(-1))
    assert dropped["d"] == ("a", pytest.approx(0.8))
    assert selection.samples == 4


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_no_two_kept_exceed_the_threshold_by_numpys_r(seed, threshold):
    random = np.random.default_rng(seed)
    values = random.normal(size=(60, 3)) @ random.normal(size=(3, 6))
    names = tuple("abcdef")
    selection = least_correlated(names, values, threshold)
    r = np.corrcoef(values, rowvar=False)
    kept = [names.index(name) for name in selection.kept]
    assert all(abs(r[i, j]) <= threshold + 1e-9 for i in kept for j in kept if i != j)
    for each in selection.dropped:
        i, j = names.index(each.name), names.index(each.partner)
        assert each.correlation == pytest.approx(r[i, j], abs=1e-9)
        assert abs(each.correlation) > threshold


def test_incomplete_rows_are_left_out_and_a_constant_is_kept():
    values = np.array([[1.0, 5.0, 7.0], [2.0, np.nan, 7.0], [3.0, 1.0, 7.0], [5.0, 2.0, 7.0]])
    selection = least_correlated(("x", "y", "constant"), values, 0.99)
    assert selection.samples == 3
    assert selection.kept == ("x", "y", "constant")


def test_too_few_places_are_an_error():
    with pytest.raises(InputError, match="only 1 of 2 places"):
        least_correlated(("x",), np.array([[1.0], [np.nan]]), 0.5)
