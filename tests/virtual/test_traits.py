import numpy as np
import pytest

from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.traits import STATUSES, UNKNOWN, captures, species_table


@pytest.fixture(scope="module")
def large() -> tuple[VirtualSettings, Assemblage]:
    settings = VirtualSettings(tile=1_000)
    return settings, Assemblage.of(settings)


def test_a_table_of_640_species_has_every_kind(large: tuple[VirtualSettings, Assemblage]) -> None:
    table = species_table(large[0], large[1].niches)
    assert len(table) == 640
    assert table[["species_id", "gbif_key", "species"]].nunique().tolist() == [640] * 3
    assert set(table["iucn_status"]) == {*STATUSES, UNKNOWN}
    assert set(table["iucn_source"]) == {"observed", "inferred", ""}
    assert ((table["iucn_source"] == "") == (table["iucn_status"] == UNKNOWN)).all()
    for trait in ("woody", "alien", "invasive", "eu_directive"):
        assert 0.01 < table[trait].mean() < 0.5
    assert table["habitat"].nunique() >= 12


def test_threat_follows_rarity_and_origin(large: tuple[VirtualSettings, Assemblage]) -> None:
    table = species_table(large[0], large[1].niches)
    threatened = table["iucn_status"].isin(["VU", "EN", "CR"])
    assert table.loc[threatened, "prevalence"].median() < table["prevalence"].median() / 2
    assert not (threatened & table["alien"]).any()
    assert not (table["invasive"] & ~table["alien"]).any()
    assert not (table["eu_directive"] & table["alien"]).any()


def test_surveys_find_about_two_thirds() -> None:
    chance = captures(np.random.default_rng(0), 2_000)
    assert 0.6 < chance.mean() < 0.75
    assert chance.min() >= 0.4
    assert chance.max() <= 0.95
