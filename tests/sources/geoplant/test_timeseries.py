from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.geoplant import timeseries
from biomap_xr.sources.geoplant.timeseries import BANDS, STEPS, find_series, read_series

IDS = ["2959445", "3900275", "60987"]
VALUES = np.random.default_rng(3).integers(0, 255, (3, 6, 21, 4)).astype(np.uint8)
VALUES[1, :, 18:] = 255


def write(
    folder: Path,
    *,
    separator: str = ";",
    missing: str = "eos",
    name: str = "time_series_{band}.csv",
    id_column: str = "timeSerieID",
) -> None:
    """Write each band with its rows in another order, as the published files have it."""
    for number, band in enumerate(BANDS):
        flat = pd.DataFrame(VALUES[:, number].reshape(3, -1), columns=list(STEPS)).astype(object)
        flat = flat.where(flat != 255, missing)
        flat.insert(0, id_column, IDS)
        flat = flat.iloc[np.roll(np.arange(3), number)]
        flat.to_csv(folder / name.format(band=band), sep=separator, index=False)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {
            "separator": ",",
            "missing": "",
            "name": "GLC24-PA-train-landsat_time_series-{band}.csv",
            "id_column": "surveyId",
        },
    ],
    ids=["2023", "2024"],
)
def test_both_forms_are_joined_by_id_and_quarter(tmp_path: Path, form: dict[str, str]) -> None:
    write(tmp_path, **form)
    series = read_series(find_series(tmp_path))
    assert (series.values.shape, series.values.dtype) == ((3, 6, 4, 21), np.uint8)
    assert list(series.ids) == IDS
    np.testing.assert_array_equal(series.values, VALUES.swapaxes(2, 3))


def test_columns_are_found_by_name_not_by_order(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "time_series_red.csv"
    pd.read_csv(path, sep=";").iloc[:, ::-1].to_csv(path, sep=";", index=False)
    np.testing.assert_array_equal(read_series(find_series(tmp_path)).values, VALUES.swapaxes(2, 3))


def test_some_series_are_read_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setattr(timeseries, "ROWS_AT_ONCE", 1)
    series = read_series(find_series(tmp_path), ids=["60987", "2959445", "absent"])
    assert series.ids == ("2959445", "60987")
    np.testing.assert_array_equal(series.values, VALUES[[0, 2]].swapaxes(2, 3))


def test_no_series_of_those_wanted(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_series(find_series(tmp_path), ids=["absent"]).values.shape == (0, 6, 4, 21)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2003_2", "2003_9", r"missing \['2003_2'\]"),
        ("timeSerieID", "name", "id column None"),
        ("60987;", "2959445;", "occur twice"),
        ("60987;", "60988;", "differ in 2 series"),
        ("eos", "cloud", "expected numbers"),
        ("eos", "255", r"holds \[255.0\]"),
        ("eos", "-3", r"holds \[-3.0\]"),
        ("eos", "1.5", r"holds \[1.5\]"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    write(tmp_path)
    edit(tmp_path / "time_series_nir.csv", old, new)
    with pytest.raises(InputError, match=message):
        read_series(find_series(tmp_path))


def test_missing_and_double_bands_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "other_red.csv").touch()
    with pytest.raises(InputError, match="are of one band"):
        find_series(tmp_path)
    (tmp_path / "other_red.csv").unlink()
    (tmp_path / "time_series_red.csv").unlink()
    with pytest.raises(InputError, match=r"no time series of \['red'\]"):
        find_series(tmp_path)
    with pytest.raises(InputError, match="not named"):
        read_series({"red": tmp_path / "a.csv"})


def test_real_series(data: Path) -> None:
    files = find_series(data / "glc_samples/glc23/SatelliteTimeSeries")
    series = read_series(files)
    assert series.values.shape == (100, 6, 4, 21)
    assert round((series.values == 255).mean(), 3) == 0.041
    swir = pd.read_csv(files["swir1"], sep=";", index_col="timeSerieID")
    row = swir.loc[60987]
    found = series.values[series.ids.index("60987"), 4]
    assert found[1, 5] == int(row["2005_2"])
    assert found[3, 20] == 255
    assert row["2020_4"] == "eos"
