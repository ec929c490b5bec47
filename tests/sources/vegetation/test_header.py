from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.vegetation.columns import EUNIS_POINTS, EVA_HEADER, FIELDS, HeaderColumns
from biomap_xr.sources.vegetation.header import read_header, years

PLACED = {"plot": "id", "longitude": "x", "latitude": "y"}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_an_export_of_the_archive_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "eva_header.csv",
        "PlotObservationID\tCountry\tCover abundance scale\tDate of recording\tExpert.System\t"
        "Longitude\tLatitude\tRelevé area (m²)\tLocation uncertainty (m)\tAltitude (m)\n"
        "12\tGermany\tBraun/Blanquet (old)\t17.06.1998\tR1A!,R22\t10.5\t47.25\t25\t100\t540\n"
        "13\t\t\t\t~\t\t\t\t\t\n",
    )
    header = read_header(path, EVA_HEADER)
    assert tuple(header.columns) == FIELDS
    first, second = header.to_dict("records")
    assert first["plot"] == "12"
    assert first["label"] == "R1A!,R22"
    assert first["cover_scale"] == "Braun/Blanquet (old)"
    numbers = ("longitude", "latitude", "year", "area_m2", "uncertainty_m", "altitude_m")
    assert [first[name] for name in numbers] == [10.5, 47.25, 1998, 25, 100, 540]
    assert second["label"] == "~"
    assert all(pd.isna(second[name]) for name in (*numbers, "country", "site"))


@pytest.mark.parametrize(
    ("text", "year"),
    [("17.06.1998", 1998), ("2018-07-21", 2018), ("1599", np.nan), ("1998.0", 1998), ("", np.nan)],
)
def test_a_year_is_found_in_a_date(text: str, year: float) -> None:
    found = years(pd.Series([text]))[0]
    assert found == year or (np.isnan(found) and np.isnan(year))


def test_coordinates_are_brought_to_degrees(tmp_path: Path) -> None:
    # One place of the dikes: Gauss-Krueger of zone 4, degrees, and degrees without their point.
    path = write(tmp_path / "gk.csv", "id,x,y\na,4543914,5418661\nb,,\n")
    header = read_header(path, HeaderColumns(**PLACED, crs="EPSG:31468"))
    assert header["longitude"][0] == pytest.approx(12.597537, abs=1e-5)
    assert header["latitude"][0] == pytest.approx(48.903809, abs=1e-5)
    assert np.isnan(header["longitude"][1])
    path = write(tmp_path / "whole.csv", "id,x,y\na,1287752,4883856\n")
    header = read_header(path, HeaderColumns(**PLACED, coordinate_scale=1e-5))
    assert header[["longitude", "latitude"]].values.tolist() == [
        [pytest.approx(12.87752), pytest.approx(48.83856)]
    ]


@pytest.mark.parametrize(
    ("row", "crs", "message"),
    [
        ("4543914,5418661", "EPSG:4326", "1 plots have .* no place in EPSG:4326, first x = 454391"),
        ("48.8,91", "EPSG:4326", "x = 48.8, y = 91 of plot 'a'.*the other order"),
        ("1,2", "EPSG:99", "CRS 'EPSG:99' of a table of plots is not known"),
    ],
)
def test_coordinates_that_are_no_place_are_refused(
    tmp_path: Path, row: str, crs: str, message: str
) -> None:
    path = write(tmp_path / "a.csv", f"id,x,y\na,{row}\n")
    with pytest.raises(InputError, match=message):
        read_header(path, HeaderColumns(**PLACED, crs=crs))


def test_constants_are_the_same_for_every_plot(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id\n1\n2\n")
    constants = {"country": "Germany", "altitude_m": 313, "ecoregion": "686"}
    header = read_header(path, HeaderColumns(plot="id", constants=constants))
    assert header["country"].tolist() == ["Germany", "Germany"]
    assert header["altitude_m"].tolist() == [313, 313]
    for bad, message in (
        ({"county": "Bavaria"}, "constant 'county' = 'Bavaria' is no field"),
        ({"altitude_m": "high"}, "constant 'altitude_m' is 'high'; expected a number"),
        ({"country": 49}, "constant 'country' is 49.0; expected text"),
    ):
        with pytest.raises(InputError, match=message):
            read_header(path, HeaderColumns(plot="id", constants=bad))


def test_labels_of_repeated_rows_are_merged(tmp_path: Path) -> None:
    path = write(
        tmp_path / "points.csv",
        "PlotObservationID_eva,lon,lat,habitatId,surveyId,subset\n"
        "1.0,5,51,R22,7,val\n2.0,5,51,R1A,7,val\n2.0,5,51,R1A,7,val\n3.0,6,51,,8,val\n",
    )
    header = read_header(path, EUNIS_POINTS)
    assert header["plot"].tolist() == ["7", "8"]
    assert header["label"].tolist()[0] == "R22,R1A"
    assert pd.isna(header["label"][1])


@pytest.mark.parametrize(
    ("rows", "repeated", "message"),
    [
        ("7,5,51\n7,5,51\n8,1,1\n", "error", r"1 plots have several rows, first \['7'\]"),
        ("7,5,51\n7,6,51\n", "merge", r"1 plots have rows that disagree .*first \['7'\]"),
    ],
)
def test_a_plot_has_one_row(tmp_path: Path, rows: str, repeated: str, message: str) -> None:
    path = write(tmp_path / "a.csv", "id,x,y\n" + rows)
    columns = HeaderColumns.model_validate(PLACED | {"repeated": repeated})
    with pytest.raises(InputError, match=message):
        read_header(path, columns)


def test_a_named_column_has_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x\n1,2\n")
    with pytest.raises(InputError, match=r"no column for \['latitude'\]"):
        read_header(path, HeaderColumns(**PLACED))
    with pytest.raises(InputError, match="has longitude in column 'x' and no other coordinate"):
        read_header(path, HeaderColumns(**PLACED, missing="empty"))
    path = write(tmp_path / "b.csv", "id\n1\n")
    assert read_header(path, HeaderColumns(**PLACED, missing="empty"))["latitude"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x,y\n,1,2\n", "1 rows have nothing in column 'id', first line 2"),
        ("id,x,y\n1,east,2\n", r"column 'x' holds \['east'\] in 1 rows .*expected a number"),
    ],
)
def test_values_that_cannot_be_read_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_header(write(tmp_path / "a.csv", text), HeaderColumns(**PLACED))
