import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.regional import (
    Association,
    RegionTable,
    count_plots,
    filter_regions,
    is_missing,
    pad_columns,
    read_association,
    whole_counts,
)


@pytest.fixture
def counted():
    labels = (("R22",), ("R22", "T17"), ("T17", "T17"), ("R22",), ())
    return count_plots(labels, np.array([686, 664, 664, 0, 686]), {0})


@pytest.fixture
def table(counted):
    codes = ("T17", "R22")
    allowed = counted.allowed(codes)
    return RegionTable("ecoregion", codes, counted.regions, allowed, frozenset({0}))


def test_plots_are_counted_by_each_of_their_classes(counted):
    assert counted.codes == ("R22", "T17")
    assert counted.regions.tolist() == [664, 686]
    assert counted.count.tolist() == [[1, 1], [2, 0]]


def test_counts_of_wanted_classes_only():
    found = count_plots([("R22",), ("T17",)], np.array([1, 1]), {0}, ["T17", "S42"])
    assert (found.codes, found.count.tolist()) == (("S42", "T17"), [[0], [1]])
    with pytest.raises(InputError, match="1 plots with labels and 2"):
        count_plots([("R22",)], np.array([1, 1]), {0})


def test_allowed_is_at_least_the_minimum_in_the_models_order(counted):
    assert counted.allowed(["T17", "R22"]).tolist() == [[True, False], [True, True]]
    assert counted.allowed(["T17", "R22"], 2).tolist() == [[True, False], [False, False]]


def test_a_class_without_counts_is_an_error_or_nowhere(counted):
    with pytest.raises(InputError, match="lacks 1 of the models: S42"):
        counted.allowed(["S42", "R22"])
    assert counted.allowed(["S42", "R22"], lenient=True).tolist() == [[False, False], [True, True]]


def test_regions_without_plots_allow_nothing(counted):
    more = counted.with_regions([686, 700, 9])
    assert more.regions.tolist() == [664, 686, 9, 700]
    assert more.count[:, 2:].sum() == 0


@pytest.mark.parametrize(("dtype", "missing"), [(np.uint8, 255), (np.float32, np.nan)])
def test_only_classes_of_the_region_are_left(table, dtype, missing):
    region = np.array([[664, 686, 0]], np.uint16)
    probability = np.array([[[40, 40, 40]], [[60, missing, 60]]], dtype)
    kept = filter_regions(probability, region, table)
    assert kept.dtype == dtype
    np.testing.assert_array_equal(kept, np.array([[[40, 0, 0]], [[60, missing, 0]]], dtype))
    assert probability[0, 0, 1] == 40


def test_an_unknown_region_or_another_shape_is_refused(table):
    with pytest.raises(InputError, match=r"ecoregion: unknown codes 7 \(1 cells\)"):
        filter_regions(np.zeros((2, 1)), np.array([7]), table)
    with pytest.raises(InputError, match=r"shape \(3, 1\)"):
        filter_regions(np.zeros((3, 1)), np.array([664]), table)


def test_tables_are_padded_and_missing_is_known():
    assert pad_columns(np.ones((2, 1), bool)).tolist() == [[True, False]] * 2
    assert is_missing(np.array([0.0, np.nan])).tolist() == [False, True]


def test_a_table_of_counts_is_read(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text(",EUNIS1,EUNIS2,EUNIS3,Alps,Pannonia\n0,P,P3,Pa,3,0\n1,R,R2,R22,0,5\n")
    found = read_association(path, {"Pannonia": 661})
    assert (found.codes, found.unplaced) == (("P3a", "R22"), ("Alps",))
    assert (found.regions.tolist(), found.count.tolist()) == ([661], [[0], [5]])
    with pytest.raises(InputError, match=r"none of its 2 regions \(Alps, Pannonia\.\.\.\)"):
        read_association(path, {"Caucasus": 1})


@pytest.mark.parametrize("values", [[[-1]], [[0.5]], [[np.nan]]])
def test_counts_are_whole(values):
    with pytest.raises(InputError, match="whole numbers"):
        whole_counts("counts.csv", np.array(values))
    with pytest.raises(InputError, match="whole numbers"):
        whole_counts("counts.csv", np.array([["a"]], object))


def test_the_published_counts(tables):
    path = tables / "crosswalks" / "ecoregion_habitat_mask.csv"
    header = path.read_text().splitlines()[0].split(",")[4:]
    found = read_association(path, {name: place for place, name in enumerate(header)})
    assert found.count.shape == (253, 77)
    assert found.count.sum() == 926_315
    assert isinstance(found, Association)
    assert found.unplaced == ()
