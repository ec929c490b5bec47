from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.sources.records import (
    COLUMNS,
    Found,
    canonical,
    days,
    identifiers,
    match_columns,
    words,
)


def found(**columns: list[object]) -> Found:
    frame = pd.DataFrame(columns)
    return Found(Path("a.csv"), frame, {name: name for name in frame})


def test_every_canonical_column_is_there_and_typed() -> None:
    rows = canonical(found(longitude=[1.0], latitude=[2.0], species_id=["6310.0"]))
    assert list(rows.columns) == list(COLUMNS)
    assert rows["species_id"].dtype == "Int64"
    assert rows["survey_id"].tolist() == [""]
    assert rows["species"].isna().all()
    assert (rows["year"].item(), rows["day"].item()) == (0, 0)


def test_areas_without_a_number_say_why() -> None:
    rows = canonical(found(area_m2=[100.0, np.nan, -np.inf, np.inf, 0.0]))
    assert rows["area_status"].tolist() == ["stated", "empty", "infinite", "infinite", "stated"]
    np.testing.assert_array_equal(rows["area_m2"], [100, np.nan, np.nan, np.nan, 0])


def test_areas_as_text_are_read_too() -> None:
    rows = canonical(found(area_m2=["100.0", "", "-inf", "nan"]))
    assert rows["area_status"].tolist() == ["stated", "empty", "infinite", "empty"]


def test_ids_stay_text() -> None:
    assert identifiers(pd.Series([12, 7])).tolist() == ["12", "7"]
    assert identifiers(pd.Series(["007", " 8 ", None, "9.0"])).tolist() == ["007", "8", "", "9"]
    assert identifiers(pd.Series([1.0, np.nan])).tolist() == ["1", ""]
    assert identifiers(pd.Series([1.5])).tolist() == ["1.5"]


def test_empty_words_are_missing() -> None:
    assert words(pd.Series(["a", " ", None])).isna().tolist() == [False, True, True]


@given(st.dates(min_value=pd.Timestamp("1975-01-01").date()))
@settings(max_examples=50, deadline=None)
def test_days_agree_with_the_calendar(day) -> None:
    midnight = pd.Timestamp(day)
    seconds = [int((midnight - pd.Timedelta(hours=h)).timestamp()) for h in (2, 0, -2)]
    texts = [day.isoformat(), f"{day.isoformat()}T10:00:00Z", *map(str, seconds)]
    expected = [[day.year, day.timetuple().tm_yday]] * len(texts)
    kept = [k for k, text in enumerate(texts) if "-" in text or len(text) in (9, 10, 11)]
    assert days(pd.Series(texts)).iloc[kept].values.tolist() == [expected[k] for k in kept]


def test_the_files_own_day_holds_and_the_date_fills() -> None:
    rows = canonical(
        found(
            date=["1587938400", "2018-06-17", "2018-06-01/2018-06-30", "2018-06", ""],
            year=[2020, np.nan, np.nan, np.nan, 2019],
            day=[118, np.nan, np.nan, np.nan, np.nan],
        )
    )
    assert rows["year"].tolist() == [2020, 2018, 2018, 2018, 2019]
    assert rows["day"].tolist() == [118, 168, 0, 0, 0]
    assert rows["date"].iloc[0] == pd.Timestamp("2020-04-27")
    assert rows["date"].isna().tolist() == [False, False, True, True, True]


def test_a_range_of_one_day_is_that_day_and_of_two_years_no_year() -> None:
    rows = canonical(found(date=["2018-06-17/2018-06-17", "2017-12-01/2018-01-31"]))
    assert rows["day"].tolist() == [168, 0]
    assert rows["year"].tolist() == [2018, 0]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("longitude", "3,87", "a number"),
        ("species_id", "12.5", "a whole number"),
        ("species_id", "Quercus", "a number"),
        ("date", "17.06.2018", "YYYY-MM-DD or Unix seconds"),
    ],
)
def test_values_that_cannot_be_read_are_named_with_their_line(column, value, expected) -> None:
    with pytest.raises(InputError, match=rf"{column}.*lines \[3\].*{expected}"):
        canonical(found(**{column: ["", value]}))


def test_an_odd_date_beside_a_year_does_no_harm() -> None:
    assert canonical(found(date=["summer"], year=[2018]))["year"].tolist() == [2018]


def test_columns_match_without_regard_to_case_in_order_of_preference() -> None:
    aliases = {"species_id": ("speciesKey", "taxonKey")}
    assert match_columns(["TAXONKEY", "specieskey"], aliases) == {"species_id": "specieskey"}
    assert match_columns(["x"], aliases) == {}
