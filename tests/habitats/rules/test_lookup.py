import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.lookup import counts_of, places_of

KNOWN = np.array([686, 3, 70_000, 41])


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_codes_find_their_place_in_any_type(dtype):
    values = np.array([[3, 41], [686, 70_000], [0, 3]], dtype)
    assert places_of("ecoregion", values, KNOWN, {0}).tolist() == [[1, 3], [0, 2], [4, 1]]


@given(st.lists(st.sampled_from([686, 3, 41, 9]), max_size=30))
def test_places_are_those_of_a_plain_search(codes):
    values = np.array(codes, np.uint16)
    expected = [KNOWN.tolist().index(code) if code != 9 else 4 for code in codes]
    assert places_of("ecoregion", values, KNOWN, {9}).tolist() == expected


def test_unknown_codes_are_named_with_their_counts():
    values = np.array([3, 7, 7, 500], np.uint16)
    with pytest.raises(InputError, match=r"land_cover: unknown codes 7 \(2 cells\), 500 \(1 cells"):
        places_of("land_cover", values, KNOWN, {0})
    with pytest.raises(InputError, match="and 5 more codes"):
        places_of("land_cover", np.arange(100, 115), KNOWN, {0})


def test_without_a_list_all_others_are_missing():
    assert places_of("coast", np.array([9, 3]), KNOWN, None).tolist() == [4, 1]


def test_what_the_table_knows_is_not_missing():
    assert places_of("coast", np.array([3]), KNOWN, {3}).tolist() == [1]


def test_an_empty_table_and_no_cells():
    none = np.array([], np.int64)
    assert places_of("coast", np.array([0], np.uint8), none, {0}).tolist() == [0]
    assert places_of("coast", np.array([], np.uint8), KNOWN, {0}).shape == (0,)
    with pytest.raises(InputError, match="0 codes from none"):
        places_of("coast", np.array([5], np.uint8), none, {0})


def test_counts_are_by_code():
    assert counts_of(np.array([[1, 1], [2, 5]]), np.array([1, 5])) == {1: 2, 5: 1}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 3.5])
def test_what_is_no_whole_number_is_refused(wrong):
    values = np.array([[3, 41], [wrong, 686]], np.float32)
    with pytest.raises(InputError, match=rf"1 of 4 values of float32 .* as {wrong:g}; .*unmasked"):
        places_of("land_cover", values, KNOWN, {0})


def test_whole_numbers_may_be_floats():
    values = np.array([3.0, 41.0, 0.0], np.float32)
    assert places_of("land_cover", values, KNOWN, {0}).tolist() == [1, 3, 4]
