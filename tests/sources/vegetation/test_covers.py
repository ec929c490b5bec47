from pathlib import Path

import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.vegetation.columns import EVA_COVERS, CoverColumns, MatrixColumns
from biomap_xr.sources.vegetation.covers import read_covers, read_matrix
from biomap_xr.sources.vegetation.raw import COVER_COLUMNS

LONG = CoverColumns(plot="id", species="name", cover="cover")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "name,id,cover\nPoa_annua,007,0.5\nPoa_annua,007,3\nAcer,1,\n")
    covers = read_covers(path, LONG)
    assert tuple(covers.columns) == COVER_COLUMNS
    assert covers["plot"].tolist() == ["007", "007", "1"]
    assert covers["cover"].tolist()[:2] == [0.5, 3]
    assert np.isnan(covers["cover"][2])


@pytest.mark.parametrize(
    "header",
    ["PlotObservationID\tMatched concept\tCover %", "RELEVE_NR\tTaxonName\tCover_Perc"],
)
def test_both_forms_of_the_archive_are_known(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "eva_species.csv", f'{header}\n12\tRosa "canina" agg.\t38\n')
    assert read_covers(path, EVA_COVERS).values.tolist() == [["12", 'Rosa "canina" agg.', 38]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1,2\n,1,2\n", "1 rows have nothing in column 'name', first line 3; .*a species"),
        ("a,,2\n", "1 rows have nothing in column 'id', first line 2; .*a plot"),
        ("a,1,+\n", r"column 'cover' holds \['\+'\] in 1 rows .* expected a number"),
        ("a,1,inf\n", "1 covers are infinite"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_covers(write(tmp_path / "a.csv", "name,id,cover\n" + rows), LONG)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("species", "name,p1,p2,note\nPoa_annua,0.5,0,x\nAcer campestre,,20,y\n"),
        ("plots", "name,Poa_annua,Acer campestre,note\np1,0.5,,x\np2,0,20,y\n"),
    ],
)
def test_a_matrix_is_read_either_way_round(tmp_path: Path, rows: str, text: str) -> None:
    columns = MatrixColumns.model_validate({"rows": rows, "ignored": ["note"]})
    covers = read_matrix(write(tmp_path / "a.csv", text), columns)
    assert tuple(covers.columns) == COVER_COLUMNS
    assert covers.values.tolist() == [["p1", "Poa_annua", 0.5], ["p2", "Acer campestre", 20.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("species,p1\na,1\n", r"no column 'name', only \['species', 'p1'\]; .*holds the species"),
        ("name,p1\na,1\na,2\n", "1 rows have no name or one that came before, first 'a' in line 3"),
        ("name,p1\n,1\n", "first '' in line 2"),
        ("name,p1\na,r\n", r"column 'p1' holds \['r'\]"),
        ("name,p1\na,-inf\n", "1 covers are infinite"),
    ],
)
def test_matrices_that_cannot_be_read_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_matrix(write(tmp_path / "a.csv", text), MatrixColumns())


def test_without_a_column_of_covers_presence_counts_as_one(tmp_path):
    path = tmp_path / "surveys.csv"
    path.write_text("surveyId,speciesId\n7,12.0\n7,3.0\n8,12.0\n")
    found = read_covers(path, CoverColumns(plot="surveyId", species="speciesId"))
    assert found["cover"].tolist() == [1.0, 1.0, 1.0]
    assert found["plot"].tolist() == ["7", "7", "8"]
