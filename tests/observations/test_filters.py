import pytest

from biomap_xr.errors import InputError
from biomap_xr.observations.filters import apply_filters
from biomap_xr.observations.settings import Filters

PLACE = {"longitude": 4.0, "latitude": 44.0}


def passed(frame, filters):
    rows, steps = apply_filters(frame, Filters.model_validate(filters))
    return rows["record_id"].tolist(), steps[-1]


def rows_of(frame, column, values):
    return frame(*({**PLACE, "record_id": n, column: value} for n, value in enumerate(values)))


@pytest.mark.parametrize(("unknown", "expected"), [("keep", [0, 1, 3, 4]), ("drop", [0, 1])])
def test_unknown_areas_follow_the_policy(frame, unknown, expected):
    rows = rows_of(frame, "area_m2", [100.0, 4.0, 900.0, float("nan"), float("-inf")])
    limit = {"minimum": 4, "maximum": 100, "unknown": unknown}
    assert passed(rows, {"area_m2": limit})[0] == expected


def test_uncertainty_counts_the_values_that_failed(frame):
    rows = rows_of(frame, "uncertainty_m", [5.0, 100.0, 1e4, 1e4, 101.0])
    kept, step = passed(rows, {"uncertainty_m": {"maximum": 100}})
    assert kept == [0, 1]
    assert (step.name, step.rows_in, step.rows_out) == ("uncertainty_m", 5, 2)
    assert step.failed == {"10000": 2, "101": 1}


@pytest.mark.parametrize(("unknown", "expected"), [("keep", [1, 2, 4]), ("drop", [1, 2])])
def test_year_zero_is_unknown(frame, unknown, expected):
    rows = rows_of(frame, "year", [2016, 2017, 2021, 2022, 0])
    limit = {"minimum": 2017, "maximum": 2021, "unknown": unknown}
    assert passed(rows, {"year": limit})[0] == expected


def test_days_of_the_year_choose_a_season(frame):
    rows = rows_of(frame, "day", [80, 335, 336, 0])
    assert passed(rows, {"day": {"minimum": 80, "maximum": 335}})[0] == [0, 1, 3]


def test_ranks_are_compared_without_case(frame):
    rows = rows_of(frame, "taxon_rank", ["SPECIES", "species ", "GENUS", None, ""])
    assert passed(rows, {"taxon_rank": {"allowed": ["Species"]}})[0] == [0, 1, 3, 4]
    kept, step = passed(rows, {"taxon_rank": {"allowed": ["species"], "unknown": "drop"}})
    assert kept == [0, 1]
    assert step.failed == {"": 1, "GENUS": 1, "unknown": 1}


def test_subsets_choose_rows(frame):
    rows = rows_of(frame, "subset", ["train", "val", "test"])
    assert passed(rows, {"subset": {"allowed": ["train", "val"]}})[0] == [0, 1]


def test_bounds_hold_their_edges(frame):
    rows = frame(
        {"record_id": 0, "longitude": 3.0, "latitude": 43.0},
        {"record_id": 1, "longitude": 2.999, "latitude": 43.5},
        {"record_id": 2, "longitude": 4.0, "latitude": 44.001},
    )
    kept, step = passed(rows, {"bounds": {"west": 3, "east": 4, "south": 43, "north": 44}})
    assert kept == [0]
    assert step.failed == {"(2.999, 43.5)": 1, "(4.0, 44.001)": 1}


def test_rows_without_a_place_go_first_and_are_counted(frame):
    kept, step = passed(frame({"record_id": 0, **PLACE}, {"record_id": 1, "longitude": 3.0}), {})
    assert kept == [0]
    assert (step.name, step.rows_in, step.rows_out) == ("coordinates", 2, 1)


def test_filters_are_counted_one_after_the_other(frame):
    rows = frame(
        {**PLACE, "year": 2000, "area_m2": 1.0},
        {**PLACE, "year": 2020, "area_m2": 1.0},
        {**PLACE, "year": 2020, "area_m2": 50.0},
    )
    filters = Filters.model_validate({"year": {"minimum": 2010}, "area_m2": {"minimum": 10}})
    _, steps = apply_filters(rows, filters)
    assert [(s.name, s.rows_in, s.rows_out) for s in steps] == [
        ("coordinates", 3, 3),
        ("year", 3, 2),
        ("area_m2", 2, 1),
    ]


def test_metres_in_place_of_degrees_are_named(frame):
    with pytest.raises(InputError, match=r"1 rows .* no degrees: \(4034867\.0, 2235568\.0\)"):
        apply_filters(frame({"longitude": 4_034_867.0, "latitude": 2_235_568.0}), Filters())


def test_a_missing_column_is_named(frame):
    with pytest.raises(InputError, match=r"columns \['area_m2'\] are missing"):
        apply_filters(frame(PLACE).drop(columns="area_m2"), Filters())
