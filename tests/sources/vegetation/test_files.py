import gzip
from pathlib import Path

import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import FileFormat
from biomap_xr.sources.tables import columns_of, read_table
from biomap_xr.sources.vegetation.files import open_columns

NAMES = {"plot": ("id", "PLOT"), "cover": ("Cover %",), "area_m2": ("Fläche",)}


def test_columns_are_found_by_any_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("Plot\tcover %\tother\n007\t3.5\tx\n", encoding="utf-8")
    found = open_columns(path, NAMES, text=("plot",), required=("plot", "cover"))
    assert found.names == {"plot": "Plot", "cover": "cover %"}
    assert found.frame.to_dict("records") == [{"Plot": "007", "cover %": 3.5}]


def test_a_missing_column_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,abundance\n1,2\n")
    expected = r"no column for \['cover'\]: expected one of \{'cover': \['Cover %'\]\}, found \["
    with pytest.raises(InputError, match=expected + r"'id', 'abundance'\]"):
        open_columns(path, NAMES, required=("plot", "cover"))


def test_text_in_another_encoding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id;Fläche\n1;25\n".encode("cp1252"))
    assert open_columns(path, NAMES).names == {"plot": "id", "area_m2": "Fläche"}
    path.write_bytes("id;Fläche\n1;25\n".encode("macroman"))
    written = FileFormat(encoding="macroman")
    assert open_columns(path, NAMES, written).names == {"plot": "id", "area_m2": "Fläche"}


def test_decimal_commas_are_read_where_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id;Cover %\n1;0,5\n"))
    assert open_columns(path, NAMES).frame["Cover %"].tolist() == ["0,5"]
    assert open_columns(path, NAMES, FileFormat(decimal=",")).frame["Cover %"].tolist() == [0.5]


def test_a_separator_that_is_said_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id~Cover %\n1~2\n")
    frame = read_table(path, written=FileFormat(separator="~"))
    assert frame.to_dict("list") == {"id": [1], "Cover %": [2]}


def test_parquet_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"id": ["1"], "Cover %": [2.5]}).to_parquet(path)
    assert columns_of(path) == ["id", "Cover %"]
    found = open_columns(path, NAMES, text=("plot",), required=("plot", "cover"))
    assert found.get("cover").tolist() == [2.5]


def test_a_quoted_header_is_one_of_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"id","Cover %, all layers"\n1,2\n', encoding="utf-8-sig")
    assert columns_of(path) == ["id", "Cover %, all layers"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (FileFormat(encoding="utf-9"), "encoding 'utf-9' .* is not known"),
        (FileFormat(encoding="ascii"), "cannot be read with .*'ascii'"),
    ],
)
def test_a_wrong_format_is_an_error(tmp_path: Path, written: FileFormat, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,Cover %\nä,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        open_columns(path, NAMES, written)


def test_metadata_that_is_no_utf_8_is_read(data: Path) -> None:
    path = data / "plots" / "grassworks" / "data_processed_sites_esy16_metadata.csv"
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    found = open_columns(path, {"name": ("attributeName",), "unit": ("unit",)})
    assert "id.site" in found.get("name").tolist()
