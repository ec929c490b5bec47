import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.observations.settings import ObservationSettings, SpeciesFile
from biomap_xr.observations.table import (
    UNIDENTIFIED,
    UNLISTED,
    check_species_lists,
    check_surveys,
    read_species,
    species_index,
    species_table,
)


def two_tables(first, second, **more):
    tables = [
        {"path": "a.csv", "kind": "survey", "species_list": first},
        {"path": "b.csv", "kind": "record", "species_list": second},
    ]
    return ObservationSettings(tables=tables, **more)


@pytest.fixture
def species_file(tmp_path):
    def write(text):
        path = tmp_path / "species.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("first", "second"), [("geoplant", "micro"), (None, None), ("geoplant", None)]
)
def test_ids_of_different_lists_are_never_merged(first, second):
    with pytest.raises(InputError, match=r"a\.csv: .*b\.csv: .*expected one species_list"):
        check_species_lists(two_tables(first, second))


def test_ids_of_one_list_and_names_of_any_are_merged():
    check_species_lists(two_tables("geoplant", "geoplant"))
    check_species_lists(two_tables("geoplant", "micro", identity="name"))


def test_by_list_every_table_names_one_and_there_is_no_species_file(species_file):
    check_species_lists(two_tables("geoplant", "micro", identity="list"))
    with pytest.raises(InputError, match=r"1 tables that name no species_list \(\['b.csv'\]\)"):
        check_species_lists(two_tables("geoplant", None, identity="list"))
    file = {"path": species_file("species_id,species\n1,A b\n"), "species_list": "geoplant"}
    with pytest.raises(InputError, match="and a species file"):
        check_species_lists(two_tables("geoplant", "micro", identity="list", species=file))


def test_the_species_file_has_to_be_of_the_same_list(species_file):
    file = {"path": species_file("species_id,species\n1,A b\n"), "species_list": "other"}
    with pytest.raises(InputError, match=r"species\.csv: other"):
        species_table([], two_tables("geoplant", "geoplant", species=file))


def test_species_of_records_are_ordered_by_id_whatever_their_number(frame, settings_of):
    rows = frame(
        {"species_id": 15_285}, {"species_id": 3, "species": "Ajuga  iva "}, {"species_id": 3}
    )
    table = species_table([rows], settings_of("record"))
    assert table["species_id"].tolist() == [3, 15_285]
    assert table["species"].tolist() == ["Ajuga iva", "15285"]


def test_an_id_with_two_names_is_named(frame, settings_of):
    rows = frame({"species_id": 3, "species": "A b"}, {"species_id": 3, "species": "C d"})
    with pytest.raises(InputError, match=r"species ids 3 have several names each: A b, C d"):
        species_table([rows], settings_of("record"))


def test_a_name_with_two_ids_is_named(frame, settings_of):
    rows = frame({"species_id": 2, "species": "A b"}, {"species_id": 4, "species": "a b"})
    with pytest.raises(InputError, match=r"species A b, a b stand in several rows"):
        species_table([rows], settings_of("record"))


def test_species_by_name_are_one_whatever_their_ids_and_case(frame, settings_of):
    rows = frame({"species_id": 9, "species": "Ophrys apifera"}, {"species": "Ajuga iva"})
    other = frame({"species_id": 2, "species": " ophrys  Apifera"})
    settings = settings_of("survey", "record", identity="name")
    table = species_table([rows, other], settings)
    assert table["species_id"].tolist() == [0, 1]
    assert table["species"].tolist() == ["Ajuga iva", "Ophrys apifera"]
    assert species_index(other, settings.tables[1], table, settings).tolist() == [1]


def test_a_species_file_keeps_its_order_and_traits(species_file):
    path = species_file("id;taxon;family\n7;Orchis mascula;Orchidaceae\n2;Ajuga iva;Lamiaceae\n")
    table = read_species(SpeciesFile(path=path, id_column="id", name_column="taxon"))
    assert list(table.columns) == ["species_id", "species", "family"]
    assert table["species_id"].tolist() == [7, 2]
    assert table["species_id"].dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("species_id,species\n1,A b\n1,C d\n", "species_id 1 stand in several rows"),
        ("species_id,species\n1,A b\n2,A  B\n", "species A b, A  B stand in several rows"),
        ("species_id,species\n1.5,A b\n2,C d\n", r"ids 1\.5 are no whole numbers"),
        ("species_id,species\n1,\n2,C d\n", "ids 1 have no name"),
        ("species_id,name\n1,A b\n", r"has no column \['species'\]"),
        ("", "is empty"),
    ],
)
def test_a_bad_species_file_is_refused_with_the_value(species_file, text, message):
    with pytest.raises(InputError, match=message):
        read_species(SpeciesFile(path=species_file(text)))


def test_a_missing_species_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        read_species(SpeciesFile(path=tmp_path / "none.csv"))


def test_rows_are_indexed_and_unknown_species_refused_or_marked(frame, settings_of, species_file):
    rows = frame({"species_id": 2}, {}, {"species_id": 1}, {"species_id": 11_255})
    path = species_file("species_id,species\n1,A b\n2,C d\n")
    strict = settings_of("record", species={"path": path, "species_list": "list"})
    table = species_table([rows], strict)
    with pytest.raises(InputError, match=r"record\.csv: species 11255 are not in the species file"):
        species_index(rows, strict.tables[0], table, strict)
    loose = settings_of("record", species={"path": path, "species_list": "list", "unknown": "drop"})
    expected = [1, UNIDENTIFIED, 0, UNLISTED]
    assert species_index(rows, loose.tables[0], table, loose).tolist() == expected


def test_names_come_from_the_species_file_of_the_same_list(frame, species_file):
    path = species_file("species_id,species\n1,A b\n2,C d\n")
    file = {"path": path, "species_list": "geoplant"}
    settings = two_tables("geoplant", "micro", identity="name", species=file)
    ours, theirs = frame({"species_id": 2}), frame({"species_id": 2, "species": "A b"})
    table = species_table([ours, theirs], settings)
    assert species_index(ours, settings.tables[0], table, settings).tolist() == [1]
    assert species_index(theirs, settings.tables[1], table, settings).tolist() == [0]


def test_a_table_without_any_name_cannot_be_told_by_name(frame, settings_of):
    settings = settings_of("record", identity="name")
    rows = frame({"species_id": 2})
    with pytest.raises(InputError, match="none of 1 rows has a species name"):
        species_index(rows, settings.tables[0], species_table([rows], settings), settings)


SURVEY = {"survey_id": "17", "longitude": 4.0, "latitude": 44.0, "year": 2019}


@pytest.mark.parametrize(
    "change", [{"longitude": 4.001}, {"latitude": 43.9}, {"year": 2020}, {"day": 9}]
)
def test_a_survey_that_disagrees_with_itself_is_named(frame, settings_of, change):
    rows = frame(SURVEY, SURVEY | change, SURVEY | {"survey_id": "18"})
    with pytest.raises(InputError, match="1 survey ids stand for several places or dates: 17;"):
        check_surveys(rows, settings_of("survey"))
    check_surveys(rows, settings_of("survey", disagreeing_surveys="keep"))


def test_repeated_rows_and_rounding_are_no_disagreement(frame, settings_of):
    rounded = SURVEY | {"longitude": float(np.float32(4.0000001))}
    check_surveys(frame(SURVEY, SURVEY, rounded), settings_of("survey"))


def test_a_survey_needs_an_id(frame, settings_of):
    with pytest.raises(InputError, match="1 of 2 survey rows have an empty survey_id"):
        check_surveys(frame(SURVEY, SURVEY | {"survey_id": ""}), settings_of("survey"))
