"""Lists joined to species, and the account of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.indicators.listings import match_listing, means
from biomap_xr.indicators.settings import Listing
from biomap_xr.taxa import Step

SPECIES = pd.DataFrame(
    {
        "species_id": [1, 2, 3, 4],
        "species": ["Quercus robur", "Populus x canadensis", "Narcissus triandrus", "Poa annua"],
        "gbif_key": [2878688.0, 3040227.0, 2858200.0, np.nan],
    }
)


def listing_of(path: Path, rows: str, **settings: object) -> Listing:
    path.write_text(rows, encoding="utf-8")
    return Listing.model_validate({"path": path, "keys": ("name",), **settings})


def test_names_match_whatever_their_form_and_the_rest_is_reported(tmp_path: Path) -> None:
    listing = listing_of(
        tmp_path / "list.csv",
        "name\nQUERCUS ROBUR\nPopulus × canadensis Moench\nNarcissus triandrus subsp. capax\n"
        "Iris sibirica L.\nRosa sp.\n",
        infraspecific="binomial",
    )
    matches = match_listing("woody", listing, SPECIES)
    assert matches.species.tolist() == [0, 1, 2]
    assert matches.row.tolist() == [0, 1, 2]
    report = matches.report
    assert (report.rows, report.matched_rows, report.matched_species) == (5, 3, 3)
    assert report.unmatched == ("Iris sibirica L.",)
    assert report.unreadable == ("Rosa sp.",)
    assert report.reduced == ("Narcissus triandrus subsp. capax",)
    assert report.steps == {
        Step.EXACT: 1, Step.CANONICAL: 1, Step.SPECIES: 1, Step.UNMATCHED: 1, Step.ABOVE: 1,
    }  # fmt: skip
    assert "woody: 3 species by 3 of 5 rows" in str(report)
    assert "Iris sibirica" in str(report)


@pytest.mark.parametrize(
    ("rule", "listed_species", "listed_subspecies"),
    [("contained", [0, 1], [1]), ("binomial", [0, 1], [0, 1]), ("exact", [0], [1])],
)
def test_how_subspecies_meet_species(
    tmp_path: Path, rule: str, listed_species: list[int], listed_subspecies: list[int]
) -> None:
    species = pd.DataFrame({"species": ["Daucus carota", "Daucus carota subsp. sativus"]})
    for name, expected in (
        ("Daucus carota L.", listed_species),
        ("Daucus carota L. subsp. sativus (Hoffm.) Arcang.", listed_subspecies),
    ):
        listing = listing_of(tmp_path / "list.csv", f"name\n{name}\n", infraspecific=rule)
        matches = match_listing("invasive", listing, species)
        assert matches.species.tolist() == expected


def test_a_subspecies_may_stand_only_for_itself(tmp_path: Path) -> None:
    rows = "name\nNarcissus triandrus subsp. capax\n"
    listing = listing_of(tmp_path / "list.csv", rows, infraspecific="exact")
    matches = match_listing("woody", listing, SPECIES)
    assert matches.species.size == 0
    assert matches.report.unmatched == ("Narcissus triandrus subsp. capax",)


def test_gbif_keys_match_as_whole_numbers(tmp_path: Path) -> None:
    rows = "key;accepted\n1;2878688\n3040227;\n;\n"
    listing = listing_of(tmp_path / "list.csv", rows, match="gbif", keys=("key", "accepted"))
    matches = match_listing("invasive", listing, SPECIES)
    assert matches.species.tolist() == [0, 1]
    assert matches.report.unreadable == ("",)


def test_ids_match(tmp_path: Path) -> None:
    listing = listing_of(tmp_path / "list.csv", "id\n4\n9\n", match="species_id", keys=("id",))
    matches = match_listing("invasive", listing, SPECIES)
    assert matches.species.tolist() == [3]
    assert matches.report.unmatched == ("9",)


def test_only_some_rows_count(tmp_path: Path) -> None:
    rows = "name,kingdom\nQuercus robur,Plantae\nPoa annua,Animalia\n"
    listing = listing_of(tmp_path / "list.csv", rows, only={"kingdom": ("Plantae",)})
    matches = match_listing("woody", listing, SPECIES)
    assert matches.species.tolist() == [0]
    assert matches.report.rows == 1


def test_the_species_table_can_be_the_list() -> None:
    matches = match_listing("woody", Listing(), SPECIES)
    assert matches.species.tolist() == [0, 1, 2, 3]
    assert matches.report.source == "the species table"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    listing = listing_of(tmp_path / "list.csv", "taxon\nPoa annua\n")
    with pytest.raises(InputError, match="no column 'name'; it has \\['taxon'\\]"):
        match_listing("woody", listing, SPECIES)
    by_key = listing_of(tmp_path / "list.csv", "name\n1\n", match="gbif")
    with pytest.raises(InputError, match="species table has no column 'gbif_key'"):
        match_listing("woody", by_key, SPECIES.drop(columns="gbif_key"))


def test_an_unreadable_list_is_named(tmp_path: Path) -> None:
    listing = listing_of(tmp_path / "list.csv", "")
    with pytest.raises(InputError, match=r"list\.csv is empty"):
        match_listing("woody", listing, SPECIES)
    (tmp_path / "list.csv").unlink()
    with pytest.raises(InputError, match=r"list\.csv' does not exist"):
        match_listing("woody", listing, SPECIES)


def test_values_mean_yes_in_any_spelling() -> None:
    assert means(pd.Series(["True", "1.0", "no"]), ("true", "1")).tolist() == [True, True, False]
