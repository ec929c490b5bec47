import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.tables import read_pieces, read_sheets, read_table, separator_of

ROWS = [("007", "Épinette, bleue", 1.5), ("8", "Chêne", 2.0)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_separators_and_encodings_are_found(tmp_path: Path, separator, encoding) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame(ROWS, columns=["id", "name", "cover"])
    frame.to_csv(path, sep=separator, encoding=encoding, index=False)
    pd.testing.assert_frame_equal(read_table(path, text=["id"]), frame)


def test_bytes_that_no_code_page_knows_are_read_as_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name\n1,\x81\xe9\n")
    assert read_table(path)["name"].tolist() == ["\x81é"]


def test_parquet_and_compressed_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=["id", "name", "cover"])
    frame.to_parquet(tmp_path / "a.parquet")
    found = read_table(tmp_path / "a.parquet", wanted=lambda name: name != "name")
    assert list(found.columns) == ["id", "cover"]
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write("a;b\n1;2\n")
    assert read_table(tmp_path / "a.csv.gz").loc[0].tolist() == [1, 2]


def test_a_lone_quotation_mark_is_part_of_an_unquoted_field(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text('a\tb\n5" rim\t1\nx\t2\n')
    assert read_table(path, quoted=False)["a"].tolist() == ['5" rim', "x"]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,cover\nx,1\n")
    with pytest.raises(InputError, match=r"no column \['status'\], only \['name', 'cover'\]"):
        read_table(path, required=["name", "status"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"PK\x03\x04rest", "zip file or spreadsheet"),
        ("a.csv", b"a,b\x00\n", "binary file"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read as a table separated by ','"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"PAR1 no more", "cannot be read as Parquet"),
    ],
)
def test_unreadable_tables_are_refused(tmp_path: Path, name, content, message) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_every_value_can_stay_text_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;status\n007;NA\n1.50;\n")
    written = read_table(tmp_path / "a.csv", text="all")
    assert written.to_dict("list") == {"id": ["007", "1.50"], "status": ["NA", ""]}
    frame = pd.DataFrame({"name": ["Poa annua", None], "yes": [True, False]})
    frame.to_parquet(tmp_path / "a.parquet")
    written = read_table(tmp_path / "a.parquet", text="all")
    assert written.to_dict("list") == {"name": ["Poa annua", ""], "yes": ["True", "False"]}


def test_pieces_are_the_rows_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;value\n1;2\n3;eos\n5;6\n")
    pieces = list(read_pieces(path, 2, missing=("eos",)))
    assert [len(piece) for piece in pieces] == [2, 1]
    assert pd.concat(pieces)["value"].fillna(-1).tolist() == [2, -1, 6]
    path.write_bytes("id;value\n1;é\n".encode("cp1252"))
    with pytest.raises(InputError, match="cannot be read as a table separated by ';'"):
        list(read_pieces(path, 2))


def test_sheets_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    pd.DataFrame({"cover": [1, 2]}).to_excel(path, sheet_name="codes", index=False)
    assert read_sheets(path)["codes"]["cover"].tolist() == [1, 2]
    path.write_bytes(b"no book")
    with pytest.raises(InputError, match="cannot be read as a spreadsheet"):
        read_sheets(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "a.csv")


def test_a_single_column_has_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\nx\n")
    assert separator_of(path) == ","


def test_real_tables(data: Path) -> None:
    latin = read_table(data / "lists" / "IAS_list_union_concern+gbif.csv")
    assert len(latin) > 30
    for file in sorted((data / "plots/grassworks").glob("*.csv")):
        frame = read_table(file)
        assert frame.shape[0] > 0
        assert not frame.columns.isna().any()
    stats = read_table(data / "glc_samples/stats/Stats_satellite_train.csv")
    np.testing.assert_allclose(stats["mean"], [629.624, 691.815, 460.605, 2959.370], rtol=1e-5)
