from pathlib import Path

import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.vegetation.columns import (
    EVA_COVERS,
    EVA_HEADER,
    PLANTBERT_COVERS,
    PLANTBERT_HEADER,
    HeaderColumns,
    MatrixColumns,
)
from biomap_xr.sources.vegetation.reading import read_labels, read_long, read_wide

PLANTBERT, EVA = (PLANTBERT_COVERS, PLANTBERT_HEADER), (EVA_COVERS, EVA_HEADER)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write the tables of two plots in all layouts."""
    for name, text in {
        "species.csv": "PlotObservationID,Species,Cover\n1,Poa annua,5\n2.0,Acer campestre,20\n",
        "header.csv": "PlotObservationID,Habitat,Longitude,Latitude\n1,R22,10,47\n2,~,11,48\n",
        "eva_species.csv": "PlotObservationID\tMatched concept\tCover %\n1\tPoa annua\t5\n",
        "eva_header.csv": "PlotObservationID\tExpert System\tLongitude\tLatitude\n1\tR22\t10\t47\n",
        "matrix.csv": "name;1;2\nPoa_annua;5;0\n",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_plantberts_tables_are_read(written: Path) -> None:
    raw = read_long(written / "species.csv", written / "header.csv", PLANTBERT)
    assert raw.covers["plot"].tolist() == raw.header["plot"].tolist() == ["1", "2"]
    assert raw.header["label"].tolist() == ["R22", "~"]
    assert raw.path.name == "species.csv"


def test_plantberts_header_may_have_more(written: Path) -> None:
    (written / "header.csv").write_text(
        "PlotObservationID,Habitat,Longitude,Latitude,Year,Area_m2,Uncertainty_m,Country,"
        "Altitude_m,Ecoregion,Coast,Dunes,Dataset\n"
        "1,R22,10,47,1998,25,5,Simulated,313,686,N_COAST,N_DUNES,made up\n"
    )
    header = read_long(written / "species.csv", written / "header.csv", PLANTBERT).header
    assert header.drop(columns=["site", "cover_scale"]).to_dict("records") == [
        {
            "plot": "1",
            "longitude": 10,
            "latitude": 47,
            "label": "R22",
            "year": 1998,
            "area_m2": 25,
            "uncertainty_m": 5,
            "country": "Simulated",
            "altitude_m": 313,
            "ecoregion": "686",
            "coast": "N_COAST",
            "dunes": "N_DUNES",
            "dataset": "made up",
        }
    ]


def test_the_archives_tables_are_read(written: Path) -> None:
    raw = read_long(written / "eva_species.csv", written / "eva_header.csv", EVA)
    assert raw.covers.values.tolist() == [["1", "Poa annua", 5.0]]
    assert raw.header["longitude"].tolist() == [10]


def test_a_matrix_is_read_with_its_header(written: Path) -> None:
    columns = (MatrixColumns(), HeaderColumns(plot="PlotObservationID", label="Habitat"))
    raw = read_wide(written / "matrix.csv", written / "header.csv", columns)
    assert raw.covers.values.tolist() == [["1", "Poa_annua", 5.0]]
    assert raw.header["longitude"].isna().all()


def test_swapped_files_are_told(written: Path) -> None:
    with pytest.raises(InputError, match=r"header.csv has no column for \['species', 'cover'\]"):
        read_long(written / "header.csv", written / "species.csv", PLANTBERT)
    with pytest.raises(InputError, match=r"'nothing.csv' in it is not"):
        read_long(written / "nothing.csv", written / "header.csv", PLANTBERT)


def test_a_table_of_labels_has_labels(written: Path) -> None:
    columns = HeaderColumns(plot="PlotObservationID", label="Habitat")
    raw = read_labels(written / "header.csv", columns)
    assert len(raw.covers) == 0
    assert len(raw.header) == 2
    wrong = HeaderColumns(plot="PlotObservationID", label="EUNIS", missing="empty")
    with pytest.raises(InputError, match=r"no label in any of 2 rows; .* in column 'EUNIS'"):
        read_labels(written / "header.csv", wrong)
