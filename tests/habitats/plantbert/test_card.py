import pytest
from pydantic import ValidationError

from biomap_xr.habitats.plantbert.card import HabitatCard


def test_a_card_survives_being_written() -> None:
    card = HabitatCard(habitats=("R1A", "V37"), species=("poa annua",), k=50)
    assert HabitatCard.model_validate_json(card.model_dump_json()) == card


@pytest.mark.parametrize("habitats", [("V37", "R1A"), ("R1A", "R1A")])
def test_habitats_are_in_the_order_of_the_map(habitats: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="not in the order of their numbers"):
        HabitatCard(habitats=habitats, species=("poa annua",), k=50)


def test_an_unknown_habitat_is_named() -> None:
    with pytest.raises(ValidationError, match="'X11' is not in the hierarchy"):
        HabitatCard(habitats=("X11",), species=("poa annua",), k=50)


def test_a_species_occurs_once() -> None:
    with pytest.raises(ValidationError, match="1 of 2 names occur twice"):
        HabitatCard(habitats=("R1A",), species=("poa annua", "poa annua"), k=50)


def test_a_card_that_names_a_device_is_read() -> None:
    card = HabitatCard.model_validate(
        {"habitats": ["R1A"], "species": ["poa annua"], "k": 50, "settings": {"device": "cuda"}}
    )
    assert card.settings.k == 50
