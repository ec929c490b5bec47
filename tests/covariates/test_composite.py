import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.covariates.composite import composite, composite_strips, strips


def reference(values, valid, method):
    """NumPy's own reduction, halves up."""
    masked = np.where(valid[:, None], values.astype(float), np.nan)
    there = valid.any(axis=0)
    reduce = np.nanmedian if method == "median" else np.nanmean
    out = np.zeros(values.shape[1:])
    out[:, there] = np.floor(reduce(masked[:, :, there], axis=0) + 0.5)
    return out


@given(st.integers(1, 6), st.integers(0, 10_000), st.sampled_from(["median", "mean"]))
@settings(max_examples=30, deadline=None)
def test_equals_numpy(scenes, seed, method):
    random = np.random.default_rng(seed)
    values = random.integers(0, 65_536, (scenes, 2, 5, 7)).astype(np.uint16)
    valid = random.random((scenes, 5, 7)) > 0.4
    image = composite(values, valid, method)
    np.testing.assert_array_equal(image.reflectance, reference(values, valid, method))
    np.testing.assert_array_equal(image.scenes, valid.sum(axis=0))


def test_the_count_stops_at_255():
    image = composite(np.full((300, 1, 1, 1), 9, np.uint16), np.ones((300, 1, 1), bool), "mean")
    assert image.scenes.item() == 255
    assert image.reflectance.item() == 9


@pytest.mark.parametrize("strip_bytes", [1, 40_000, 10**9])
def test_strips_of_any_size_give_the_whole(strip_bytes):
    random = np.random.default_rng(0)
    values = random.integers(0, 9_000, (3, 2, 130, 20)).astype(np.uint16)
    valid = random.random((3, 130, 20)) > 0.3
    asked = []

    def reader(index):
        def read(rows):
            asked.append(rows)
            return values[index, :, rows], valid[index, rows]

        return read

    readers = [reader(index) for index in range(3)]
    image = composite_strips(readers, (2, 130, 20), "median", strip_bytes=strip_bytes)
    whole = composite(values, valid, "median")
    np.testing.assert_array_equal(image.reflectance, whole.reflectance)
    np.testing.assert_array_equal(image.scenes, whole.scenes)
    longest = max(rows.stop - rows.start for rows in asked)
    assert longest == {1: 50, 40_000: 130, 10**9: 130}[strip_bytes]


def test_no_scene_at_all_is_all_missing():
    image = composite_strips([], (4, 3, 3), "median")
    assert not image.reflectance.any()
    assert not image.scenes.any()


def test_strips_cover_each_row_once():
    assert [row for part in strips(260, 110) for row in range(260)[part]] == list(range(260))
