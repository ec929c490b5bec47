from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.geoplant.metadata import read_metadata
from biomap_xr.sources.records import COLUMNS

GEOPLANT = """lon,lat,year,geoUncertaintyInM,areaInM2,region,country,speciesId,surveyId,subset
3.872788,43.526774,2020,9.0,25.0,MEDITERRANEAN,France,2075.0,27824,val
3.872788,43.526774,2020,9.0,-inf,MEDITERRANEAN,France,2075.0,27824,val
10.5,50.5,2019,,,CONTINENTAL,Germany,,00012,train
"""
GLC23 = """;glcID;gbifID;observer;date;dayOfYear;year;lon;lat;x_EPSG3035;y_EPSG3035;\
geoUncertaintyInM;speciesId;patchID;timeSerieID
74594;5688737;;;1587938400;118;2020;6.48976;43.1676;4034867.0;2235568.0;10.0;1275;116777;3989658
18728;5428384;;Bjørn;2018-06-17;;2018;5.00745;43.3757;3915649.0;2265420.0;10.0;8196;73073;3995315
"""
MICRO = """observation_id;latitude;longitude;species_id;GBIF_species_id;GBIF_species_name;subset
10000173;45.18;5.79;1;2927190;Mentha suaveolens;train
"""


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "metadata.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_geoplant(tmp_path: Path) -> None:
    rows = read_metadata(written(tmp_path, GEOPLANT))
    assert list(rows.columns) == [*COLUMNS, "gbif_id"]
    # Both rows of one species in one survey stay: merging them is the observations' task.
    assert rows["survey_id"].tolist() == ["27824", "27824", "00012"]
    assert rows["species_id"].tolist()[:2] == [2075, 2075]
    assert rows["species_id"].isna().tolist() == [False, False, True]
    assert rows["area_status"].tolist() == ["stated", "infinite", "empty"]
    assert rows["patch_id"].tolist() == rows["survey_id"].tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_geolifeclef_2023(tmp_path: Path, encoding: str) -> None:
    rows = read_metadata(written(tmp_path, GLC23, encoding))
    assert rows["survey_id"].tolist() == ["116777_2020-118", "73073_2018-168"]
    assert rows["patch_id"].tolist() == ["116777", "73073"]
    assert rows["time_series_id"].tolist() == ["3989658", "3995315"]
    assert rows["day"].tolist() == [118, 168]
    assert rows["date"].tolist() == [pd.Timestamp("2020-04-27"), pd.Timestamp("2018-06-17")]


def test_geolifeclef_2022(tmp_path: Path) -> None:
    rows = read_metadata(written(tmp_path, MICRO))
    assert rows.loc[0, ["species", "gbif_id", "species_id"]].tolist() == [
        "Mentha suaveolens",
        2927190,
        1,
    ]
    assert (rows["longitude"].item(), rows["latitude"].item()) == (5.79, 45.18)


def test_test_sets_may_have_no_species(tmp_path: Path) -> None:
    frame = pd.read_csv(written(tmp_path, GEOPLANT)).drop(columns="speciesId")
    path = written(tmp_path, frame.to_csv(index=False))
    assert read_metadata(path, labelled=False)["species_id"].isna().all()
    with pytest.raises(InputError, match="speciesId"):
        read_metadata(path)


@pytest.mark.parametrize("lost", ["lon", "surveyId"])
def test_unknown_columns_are_listed(tmp_path: Path, lost: str) -> None:
    frame = pd.read_csv(written(tmp_path, GEOPLANT)).drop(columns=lost)
    with pytest.raises(InputError, match=r"known columns are .*'lat'.*expected surveyId, lon"):
        read_metadata(written(tmp_path, frame.to_csv(index=False)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv"):
        read_metadata(tmp_path / "no.csv")


@pytest.mark.parametrize(
    ("file", "rows", "surveys", "species"),
    [
        ("montpellier/glc24_pa_train_CBN-med_val-10.0min.csv", 7717, 381, 1100),
        ("montpellier/micro_geolifeclef_observations.csv", 10_000, 10_000, 10),
        ("montpellier/sample_obs.csv", 56, 47, 5),
        ("glc_samples/jrc_17_surveys/data_subset/GLC24-PA-data_subset.csv", 334, 17, 227),
        ("glc_samples/glc24_25/glc24_pre_extracted/metadata.csv", 100, 99, 85),
        ("glc_samples/glc24_25/glc25_pre_extracted/metadata.csv", 100, 97, 82),
    ],
)
def test_real_tables(data: Path, file: str, rows: int, surveys: int, species: int) -> None:
    found = read_metadata(data / file)
    assert len(found) == rows
    assert found["survey_id"].nunique() == surveys
    assert found["species_id"].nunique() == species
    assert found[["longitude", "latitude"]].notna().all(axis=None)


@pytest.mark.parametrize(
    "file",
    [
        "Presence_only_occurrences/Presences_only_train_sample.csv",
        "Presence_Absences_occurrences/Presences_Absences_train_sample.csv",
    ],
)
def test_the_real_day_of_the_year_agrees_with_the_date(data: Path, file: str) -> None:
    path = data / "glc_samples/glc23" / file
    rows = read_metadata(path)
    stated = pd.read_csv(path, sep=";")
    np.testing.assert_array_equal(rows["day"], stated["dayOfYear"])
    np.testing.assert_array_equal(rows["date"].dt.year, stated["year"])


def test_the_real_dates_alone_say_the_same_days(data: Path, tmp_path: Path) -> None:
    path = data / "glc_samples/glc23/Presence_Absences_occurrences"
    stated = pd.read_csv(path / "Presences_Absences_train_sample.csv", sep=";", dtype="str")
    dates = stated.drop(columns=["dayOfYear", "year"]).to_csv(sep=";", index=False)
    rows = read_metadata(written(tmp_path, dates))
    np.testing.assert_array_equal(rows["day"], stated["dayOfYear"].astype(int))
