"""Traits of species, from small tables and from the real lists."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.indicators.settings import IndicatorSettings
from biomap_xr.indicators.traits import Traits, read_traits

DATA = os.environ.get("BIOMAP_XR_DATA")
SPECIES = pd.DataFrame(
    {
        "species_id": [10, 20, 30],
        "species": ["Quercus robur", "Iris sibirica", "Heracleum mantegazzianum"],
        "is_woody": [True, False, False],
    }
)


def test_lists_of_every_kind_make_members(tmp_path: Path) -> None:
    (tmp_path / "directive.csv").write_text("species\nIris sibirica L.\n")
    (tmp_path / "alien.csv").write_text("id,alien\n30,Yes\n10,no\n")
    (tmp_path / "red.csv").write_text("species,iucn_status\nIris sibirica,VU\nQuercus robur,LC\n")
    settings = IndicatorSettings.model_validate(
        {
            "eu_directive": {"path": tmp_path / "directive.csv"},
            "trees": {"value": "is_woody"},
            "invasive": {
                "path": tmp_path / "alien.csv",
                "match": "species_id",
                "keys": ["id"],
                "value": "alien",
            },
            "status": {"path": tmp_path / "red.csv"},
        }
    )
    traits = read_traits(settings, SPECIES)
    # richness, eu_directive, threatened, trees, invasive, specialist
    expected = [[1, 1, 1], [0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_array_equal(traits.members(), np.array(expected, dtype=bool))
    assert traits.is_known().tolist() == [True, True, True, True, True, False]
    assert traits.status_code.tolist() == [3, 5, 2]
    assert traits.status_code.dtype == np.uint8
    assert [report.trait for report in traits.reports] == [
        "eu_directive",
        "woody",
        "invasive",
        "iucn_status",
    ]


def test_without_lists_only_richness_is_known() -> None:
    traits = read_traits(IndicatorSettings(), SPECIES)
    assert traits.is_known().tolist() == [True, False, False, False, False, False]
    assert traits.status_code.tolist() == [2, 2, 2]


def test_rows_that_disagree_are_reported(tmp_path: Path) -> None:
    (tmp_path / "alien.csv").write_text("species,alien\nIris sibirica,yes\nIris sibirica L.,no\n")
    settings = IndicatorSettings.model_validate(
        {"invasive": {"path": tmp_path / "alien.csv", "value": "alien"}}
    )
    (report,) = read_traits(settings, SPECIES).reports
    assert report.conflicts == ("Iris sibirica",)


def test_specialists_are_marked_and_foreign_ones_refused(traits: Traits) -> None:
    marked = traits.with_specialists([0, 30])
    assert marked.members()[5].tolist() == [True, False, False, True, False, False, False]
    assert marked.is_known()[5]
    with pytest.raises(InputError, match="species id 999 is not among"):
        traits.with_specialists([999])


def test_selection_keeps_the_order_asked_for(traits: Traits) -> None:
    assert traits.select([30, 0]).table["species"].tolist() == ["Orchis mascula", "Quercus robur"]
    with pytest.raises(InputError, match="Species id 77 has no row"):
        traits.select([0, 77])


def test_a_value_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = IndicatorSettings.model_validate({"trees": {"value": "woody"}})
    with pytest.raises(InputError, match="no column 'woody'"):
        read_traits(settings, SPECIES)


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real lists")
def test_the_real_lists_meet_the_species_of_the_danube_dikes() -> None:
    """Real names with underscores against the real lists; every number checked by hand in the
    files."""
    data = Path(str(DATA))
    names = pd.read_csv(data / "plots" / "danube_dikes" / "traits.csv", dtype=str)
    species = pd.DataFrame({"species_id": range(len(names)), "species": names["name"]})
    lists = data / "lists"
    plants = {"kingdom": ["Plantae"]}
    gbif = {"keys": ["canonicalName", "species"], "only": plants}
    settings = IndicatorSettings.model_validate(
        {
            "eu_directive": {"path": lists / "habitats_directive_art_17_checklis+gbif.csv", **gbif},
            "invasive": {"path": lists / "taxon.csv", "keys": ["scientificName"]},
            "trees": {
                "path": data / "plots" / "danube_dikes" / "traits.csv",
                "keys": ["name"],
                "value": "group",
                "yes": ["tree", "shrub"],
            },
            "status": {
                "path": data / "plots" / "danube_dikes" / "traits.csv",
                "keys": ["name"],
                "status": "rlg",
                "translate": {"V": "NT", "3": "VU", "2": "EN", "1": "CR", "D": "unknown"},
            },
        }
    )
    traits = read_traits(settings, species)
    directive, trees, aliens, red_list = traits.reports
    assert (directive.rows, len(directive.unreadable)) == (756, 9)
    assert (aliens.rows, len(aliens.unreadable)) == (2617, 16)
    # Three of the 265 names are a family and two genera.
    assert (trees.rows, trees.matched_species) == (len(names), 262)
    assert trees.unreadable == ("Brassicaceae", "Orobanche", "Ranunculus")
    member = traits.table.set_index("species")
    assert member["woody"].sum() == 5 + 4
    # Red List: 29 V, 6 of category 3, one of category 1, 2 D; the rest has none.
    assert member["status"].value_counts().to_dict() == {"unknown": 229, "NT": 29, "VU": 6, "CR": 1}
    assert red_list.conflicts == ()
    # A crop is listed as alien, as a subspecies; the wild carrot is not for that.
    assert member.loc["Solidago_canadensis", "invasive"]
    assert not member.loc["Daucus_carota", "invasive"]


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real lists")
def test_the_union_list_matches_by_gbif_key_and_by_name_alike() -> None:
    path = Path(str(DATA)) / "lists" / "IAS_list_union_concern+gbif.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    plants = table[(table["kingdom"] == "Plantae") & (table["rank"] == "SPECIES")]
    species = pd.DataFrame(
        {
            "species_id": range(len(plants)),
            "species": plants["scientificName"].to_numpy(),
            "gbif_key": plants["usageKey"].astype(float).to_numpy(),
        }
    )
    only = {"kingdom": ["Plantae"]}
    by_name = {"path": path, "keys": ["canonicalName"], "only": only}
    by_key = {"path": path, "match": "gbif", "keys": ["usageKey"], "only": only}
    members = [
        read_traits(IndicatorSettings.model_validate({"invasive": rule}), species).members()[4]
        for rule in (by_name, by_key)
    ]
    assert len(plants) == 39
    assert members[0].all()
    np.testing.assert_array_equal(*members)
