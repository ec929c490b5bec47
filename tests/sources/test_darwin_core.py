from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.darwin_core import read_occurrences
from biomap_xr.sources.records import COLUMNS

ROWS = pd.DataFrame(
    {
        "gbifID": ["1882956579", "1882956580", "1882956581"],
        "eventID": ["", "plot 1", "plot 1"],
        "scientificName": ["Quercus robur L.", 'Rosa "canina" L.', "Abies alba Mill."],
        "decimalLongitude": [10.95154, 22.67836, 3.0],
        "decimalLatitude": [59.2511, 43.39697, 44.0],
        "eventDate": ["2018-06-17T00:00:00Z", "2020-08", "2020-08-23"],
        "day": [17, np.nan, 23],
        "coordinateUncertaintyInMeters": [10.0, np.nan, 25.0],
        "speciesKey": [2878688, 8395064, 2685484],
        "taxonRank": ["SPECIES", "SUBSPECIES", "SPECIES"],
        "datasetKey": ["a-1", "a-1", "b-2"],
        "occurrenceStatus": ["PRESENT", "present", "ABSENT"],
        "sampleSizeValue": [100.0, 3.0, 1.0],
        "sampleSizeUnit": ["m²", "hour", "square metre"],
    }
)


def write(frame: pd.DataFrame, path: Path) -> Path:
    match path.suffix:
        case ".parquet":
            frame.to_parquet(path)
        case ".txt":
            lines = ["\t".join(frame.columns)]
            lines += ["\t".join("" if pd.isna(v) else str(v) for v in row) for row in frame.values]
            path.write_text("\n".join(lines))
        case _:
            frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["a.csv", "occurrence.txt", "a.parquet"])
def test_the_three_forms_give_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = read_occurrences(write(ROWS, tmp_path / name))
    assert list(rows.columns) == [*COLUMNS, "dataset"]
    assert rows["species"].tolist() == ROWS["scientificName"].tolist()[:2]
    assert rows["species_id"].tolist() == [2878688, 8395064]
    assert rows["record_id"].tolist() == ["1882956579", "1882956580"]
    assert rows["survey_id"].tolist() == ["", "plot 1"]
    # The day of the month must not be taken for the day of the year.
    assert rows["day"].tolist() == [168, 0]
    assert rows["year"].tolist() == [2018, 2020]
    assert rows["dataset"].tolist() == ["a-1", "a-1"]


def test_absences_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = read_occurrences(write(ROWS, tmp_path / "a.csv"))
    assert len(rows) == 2
    assert rows.attrs["absent_rows"] == 1


def test_only_square_metres_are_areas(tmp_path: Path) -> None:
    rows = read_occurrences(write(ROWS, tmp_path / "a.csv"))
    np.testing.assert_array_equal(rows["area_m2"], [100.0, np.nan])


def test_lower_case_columns_and_simple_names_are_known(tmp_path: Path) -> None:
    frame = ROWS.rename(columns=str.lower).assign(species=["A b", "C d", "E f"])
    rows = read_occurrences(write(frame, tmp_path / "a.parquet"))
    assert rows["species"].tolist() == ["A b", "C d"]


def test_duplicates_are_kept(tmp_path: Path) -> None:
    twice = pd.concat([ROWS, ROWS])
    assert len(read_occurrences(write(twice, tmp_path / "a.csv"))) == 4


@pytest.mark.parametrize(
    "lost", [["decimalLatitude"], ["speciesKey", "scientificName"]], ids=["where", "what"]
)
def test_a_table_that_lacks_where_or_what_is_refused(tmp_path: Path, lost: list[str]) -> None:
    with pytest.raises(InputError, match="no Darwin Core table"):
        read_occurrences(write(ROWS.drop(columns=lost), tmp_path / "a.csv"))
