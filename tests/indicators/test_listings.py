"""Lists joined to species, and the account of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.indicators.listings import match_listing, means, read_table
from biomap_xr.indicators.settings import Listing

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
        "name\nQUERCUS ROBUR L.\nPopulus × canadensis Moench\nNarcissus triandrus subsp. capax\n"
        "Iris sibirica L.\nRosa sp.\n",
        infraspecific="binomial",
    )
    matches = match_listing("woody", listing, SPECIES, read_table)
    assert matches.species.tolist() == [0, 1, 2]
    assert matches.row.tolist() == [0, 1, 2]
    report = matches.report
    assert (report.rows, report.matched_rows, report.matched_species) == (5, 3, 3)
    assert report.unmatched == ("Iris sibirica L.",)
    assert report.unreadable == ("Rosa sp.",)
    assert report.reduced == ("Narcissus triandrus subsp. capax",)
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
        matches = match_listing("invasive", listing, species, read_table)
        assert matches.species.tolist() == expected


def test_a_subspecies_may_stand_only_for_itself(tmp_path: Path) -> None:
    rows = "name\nNarcissus triandrus subsp. capax\n"
    listing = listing_of(tmp_path / "list.csv", rows, infraspecific="exact")
    matches = match_listing("woody", listing, SPECIES, read_table)
    assert matches.species.size == 0
    assert matches.report.unmatched == ("Narcissus triandrus subsp. capax",)


def test_gbif_keys_match_as_whole_numbers(tmp_path: Path) -> None:
    rows = "key;accepted\n1;2878688\n3040227;\n;\n"
    listing = listing_of(tmp_path / "list.csv", rows, match="gbif", keys=("key", "accepted"))
    matches = match_listing("invasive", listing, SPECIES, read_table)
    assert matches.species.tolist() == [0, 1]
    assert matches.report.unreadable == ("",)


def test_ids_match(tmp_path: Path) -> None:
    listing = listing_of(tmp_path / "list.csv", "id\n4\n9\n", match="species_id", keys=("id",))
    matches = match_listing("invasive", listing, SPECIES, read_table)
    assert matches.species.tolist() == [3]
    assert matches.report.unmatched == ("9",)


def test_only_some_rows_count(tmp_path: Path) -> None:
    rows = "name,kingdom\nQuercus robur,Plantae\nPoa annua,Animalia\n"
    listing = listing_of(tmp_path / "list.csv", rows, only={"kingdom": ("Plantae",)})
    matches = match_listing("woody", listing, SPECIES, read_table)
    assert matches.species.tolist() == [0]
    assert matches.report.rows == 1


def test_the_species_table_can_be_the_list() -> None:
    matches = match_listing("woody", Listing(), SPECIES, read_table)
    assert matches.species.tolist() == [0, 1, 2, 3]
    assert matches.report.source == "the species table"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    listing = listing_of(tmp_path / "list.csv", "taxon\nPoa annua\n")
    with pytest.raises(InputError, match="no column 'name'; it has \\['taxon'\\]"):
        match_listing("woody", listing, SPECIES, read_table)
    by_key = listing_of(tmp_path / "list.csv", "name\n1\n", match="gbif")
    with pytest.raises(InputError, match="species table has no column 'gbif_key'"):
        match_listing("woody", by_key, SPECIES.drop(columns="gbif_key"), read_table)


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    pd.DataFrame({"name": ["Poa annua"], "yes": [True]}).to_parquet(path)
    table = read_table(path)
    assert table.iloc[0].tolist() == ["Poa annua", "True"]
    assert means(table["yes"], ("true",)).tolist() == [True]


def test_an_absent_or_unreadable_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no trait table .*absent\.csv"):
        read_table(tmp_path / "absent.csv")
    broken = tmp_path / "broken.csv"
    broken.write_bytes("name\nIsoëtes\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"broken\.csv cannot be read.*UTF-8"):
        read_table(broken)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "broken.parquet")


def test_an_empty_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "empty.csv")
