from pathlib import Path

import pytest

from biomap_xr.errors import InputError
from biomap_xr.observations.plot_names import (
    accepted_names,
    is_species,
    read_synonyms,
    species_name,
)


@pytest.mark.parametrize(
    ("name", "binomial"),
    [
        ("silene flos-cuculi", True),
        ("poa", False),
        ("viola sp.", False),
        ("gomphonema species", False),
        ("vicia sativa ssp nigra", False),
        ("primula elatior x veris", False),
        ("", False),
    ],
)
def test_only_names_of_a_species_are_of_a_species(name: str, binomial: bool) -> None:
    assert is_species(name) == binomial


@pytest.mark.parametrize(
    ("name", "species"),
    [
        ("Epipactis helleborine (L.) Crantz subsp. helleborine", "epipactis helleborine"),
        ("Cerastium_fontanum_ssp_vulgare", "cerastium fontanum"),
        ("Ranunculus acris s.l.", "ranunculus acris"),
        ("Poa annua L.", "poa annua"),
        ("Festuca ovina aggr.", "festuca ovina"),
        ("Acer campestre", "acer campestre"),
        ("ACER CAMPESTRE", "acer campestre"),
        ("Isoëtes lacustris L.", "isoetes lacustris"),
        ("Narcissus triandrus capax", "narcissus triandrus"),
        ("Populus × canadensis Moench", "populus x canadensis"),
        ("Salix ×rubens Schrank nothovar. basfordiana", "salix x rubens"),
    ],
)
def test_a_name_is_that_of_its_species(name: str, species: str) -> None:
    assert species_name(name) == species
    assert is_species(species)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Poaceae", "poaceae"),
        ("Viola sp. A", "viola sp. a"),
        ("Rosa cf. canina", "rosa cf. canina"),
        ("Rosa canina?", "rosa canina?"),
        ("Primula elatior (L.) Hill x veris", "primula elatior (l.) hill x veris"),
        ("Carex Sect. Acutae", "carex sect. acutae"),
    ],
)
def test_what_is_no_species_stays_and_is_none(name: str, same: str) -> None:
    assert species_name(name) == same
    assert not is_species(same)


def test_the_name_in_full_is_looked_up_first() -> None:
    synonyms = {"vicia sativa ssp nigra": "vicia angustifolia", "poa annua": "ochlopoa annua"}
    names = ["Vicia_sativa_ssp_nigra", "Vicia sativa subsp. cordata", "Poa annua L."]
    found = accepted_names(names, synonyms, species=True)
    assert found == ("vicia angustifolia", "vicia sativa", "ochlopoa annua")


def test_synonyms_are_found_in_any_case(tmp_path: Path) -> None:
    table = tmp_path / "synonyms.csv"
    table.write_text(
        "synonym,accepted\nBromus erectus,Bromopsis erecta\nBROMUS_ERECTUS,bromopsis erecta\n"
        "Poa annua,poa annua\nVicia sativa ssp nigra,Vicia angustifolia\n"
    )
    synonyms = read_synonyms(table)
    assert synonyms == {
        "bromus erectus": "bromopsis erecta",
        "vicia sativa ssp nigra": "vicia angustifolia",
    }
    names = accepted_names(["Bromus_erectus", "Vicia_sativa_ssp_nigra", "Poa_annua"], synonyms)
    assert names == ("bromopsis erecta", "vicia angustifolia", "poa annua")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a b,c d\na b,e f\n", "a b have two accepted names; expected one each"),
        ("a b,c d\nc d,e f\n", "accepted names c d are synonyms, too"),
        ("a b,c d\n,e f\n", "line 3 lacks a name"),
    ],
)
def test_unclear_synonyms_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    table = tmp_path / "synonyms.csv"
    table.write_text("synonym,accepted\n" + rows)
    with pytest.raises(InputError, match=message):
        read_synonyms(table)


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "synonyms.csv"
    table.write_text("old,new\na b,c d\n")
    with pytest.raises(InputError, match=r"no column \['synonym', 'accepted'\]"):
        read_synonyms(table)
