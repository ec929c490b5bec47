import pytest
from pydantic import ValidationError

from biomap_xr.errors import InputError
from biomap_xr.species.card import ModelCard


def test_modalities_are_in_the_published_order(card) -> None:
    shuffled = card(modalities=("predictors", "sentinel2", "climate", "landsat"))
    assert list(shuffled.modalities) == ["landsat", "climate", "sentinel2", "predictors"]


def test_json_gives_the_same_card_back(card) -> None:
    original = card(inputs={"landsat": {"years": [2000, 2020]}}, metrics={"auc": 0.1 + 0.2})
    assert ModelCard.model_validate_json(original.model_dump_json()) == original


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"species": ("one",)}, "1 names for 7 ids"),
        ({"species_id": (1, 1, 2, 3, 4, 5, 6)}, "1 ids occur twice"),
        ({"normalisation": {}}, "normalisation: given for"),
        ({"format_version": 2}, "format_version"),
        ({"modalities": {}}, "none given"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(card, changes, message) -> None:
    values = card().model_dump()
    with pytest.raises(ValidationError, match=message):
        ModelCard.model_validate({**values, **changes})


def test_the_models_own_species_are_accepted(card) -> None:
    card().require_species(range(10, 17))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (range(10, 16), r"6 species, the model has 7; they differ from row 6"),
        ([10, 12, 11, 13, 14, 15, 16], r"from row 1 on \(given \(12, 11, 13\), expected \(11, 12"),
    ],
)
def test_another_species_table_is_refused(card, given, message) -> None:
    with pytest.raises(InputError, match=message):
        card().require_species(given)
