import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.landcover import CoverTable, top_habitats

pytestmark = pytest.mark.trust

CODES = ("T11", "T17", "T21", "T31")
TABLE = CoverTable(
    CODES,
    np.array([23, 24]),
    np.array([[1, 0], [1, 0], [1, 0], [1, 1]], bool),
    frozenset({255}),
)
NONE = [65_535] * 3


def column(*values):
    return np.array(values, np.uint8)[:, None]


def test_the_three_likeliest_of_what_land_cover_allows():
    ranked = top_habitats(column(20, 40, 10, 50), np.array([23]), TABLE)
    assert ranked.habitat[:, 0].tolist() == [7301, 7107, 7101]
    assert ranked.confidence[:, 0].tolist() == [42, 33, 17]
    one = top_habitats(column(20, 40, 10, 50), np.array([24]), TABLE)
    assert one.habitat[:, 0].tolist() == [7301, 65_535, 65_535]
    assert one.confidence[:, 0].tolist() == [100, 255, 255]


@pytest.mark.parametrize(
    ("values", "cover"), [((0, 0, 0, 50), 255), ((9, 9, 9, 0), 24), ((255, 255, 255, 255), 23)]
)
def test_nothing_left_is_undefined(values, cover):
    ranked = top_habitats(column(*values), np.array([cover]), TABLE)
    assert ranked.habitat[:, 0].tolist() == NONE
    assert ranked.confidence[:, 0].tolist() == [255] * 3


def test_of_equal_classes_the_first_one_is_first():
    ranked = top_habitats(column(5, 7, 7, 7), np.array([23]), TABLE)
    assert ranked.habitat[:, 0].tolist() == [7107, 7201, 7301]


def test_unknown_numbers_are_passed_over():
    probability = np.array([[np.nan], [0.25], [0.25], [np.nan]], np.float32)
    ranked = top_habitats(probability, np.array([23]), TABLE)
    assert ranked.confidence[:, 0].tolist() == [50, 50, 255]


def test_shapes_and_codes_are_checked():
    with pytest.raises(InputError, match=r"land cover of shape \(2,\).*onto the grid of the map"):
        top_habitats(column(1, 1, 1, 1), np.array([23, 24]), TABLE)
    with pytest.raises(InputError, match=r"land_cover: unknown codes 22 \(1 cells\)"):
        top_habitats(column(1, 1, 1, 1), np.array([22]), TABLE)


@given(
    arrays(np.uint8, (4, 6), elements=st.integers(0, 101).map(lambda p: 255 if p == 101 else p)),
    arrays(np.uint8, 6, elements=st.sampled_from([23, 24, 255])),
)
def test_ranks_are_the_largest_of_the_rescaled(probability, cover):
    # Paper 2's definition: times the mask, rescaled in each cell by itself.
    mask = np.array([TABLE.allowed[:, TABLE.covers == each].any(axis=1) for each in cover]).T
    kept = np.where(mask & (probability != 255), probability, 0.0)
    kept /= np.maximum(kept.sum(axis=0), 1e-9)
    order = np.argsort(-kept, axis=0, kind="stable")[:3]
    values = np.take_along_axis(kept, order, axis=0)
    ranked = top_habitats(probability, cover, TABLE)
    expected = np.where(values > 0, TABLE.numbers[order], 65_535)
    np.testing.assert_array_equal(ranked.habitat, expected)
    percent = np.where(values > 0, 100 * values, 255)
    assert np.abs(ranked.confidence - percent).max() <= 0.5 + 1e-9


def test_scale_does_not_matter(random):
    share = random.dirichlet(np.ones(4), 50).T
    cover = random.choice([23, 24], 50)
    a, b = (top_habitats(values, cover, TABLE) for values in (share, 100 * share))
    np.testing.assert_array_equal(a.habitat, b.habitat)
    np.testing.assert_array_equal(a.confidence, b.confidence)
    maps = top_habitats(share.reshape(4, 5, 10), cover.reshape(5, 10), TABLE)
    np.testing.assert_array_equal(maps.habitat.reshape(3, 50), a.habitat)
