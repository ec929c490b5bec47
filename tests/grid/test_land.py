import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from biomap_xr.grid import nearest_land


def test_hand_worked_coast():
    land = np.zeros((3, 5), bool)
    land[1, 1] = True
    nearest = nearest_land(land, 2)
    np.testing.assert_allclose(nearest.distance[1], [1, 0, 1, 2, np.inf])
    assert (nearest.row[1, 3], nearest.column[1, 3]) == (1, 1)
    assert (nearest.row[1, 4], nearest.column[1, 4]) == (1, 4)


def test_of_two_at_one_distance_the_northern_wins():
    land = np.array([[True, True], [False, False], [True, True]])
    assert nearest_land(land, 3).row[1].tolist() == [0, 0]


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(0, 8))
def test_equals_the_distance_transform_and_ends_on_land(land, reach):
    nearest = nearest_land(land, reach)
    near = np.isfinite(nearest.distance)
    if land.any():
        expected = distance_transform_edt(~land)
        np.testing.assert_allclose(nearest.distance[near], expected[near], rtol=1e-6)
        assert (near == (expected <= reach)).all()
    else:
        assert not near.any()
    assert land[nearest.row[near], nearest.column[near]].all()


@given(arrays(bool, (24, 24), elements=st.sampled_from([True] + [False] * 12)))
def test_answer_does_not_depend_on_the_window(land):
    reach = 4
    whole, part = nearest_land(land, reach), nearest_land(land[4:20, 4:20], reach)
    inner = slice(reach, -reach)
    outer = slice(4 + reach, 20 - reach)
    np.testing.assert_array_equal(part.distance[inner, inner], whole.distance[outer, outer])
    np.testing.assert_array_equal(part.row[inner, inner] + 4, whole.row[outer, outer])
    np.testing.assert_array_equal(part.column[inner, inner] + 4, whole.column[outer, outer])
