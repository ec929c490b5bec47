import pytest
from pydantic import ValidationError

from biomap_xr.habitats.plantbert.settings import NetworkSettings, PlantBertSettings


def test_a_published_network_is_trained_on_as_published_unless_said_otherwise() -> None:
    settings = PlantBertSettings.model_validate(
        {"network": {"name_or_path": "some/model"}, "fine_tuning": {"batch": 2}}
    )
    assert settings.fine_tuning.learning_rate == 3e-5
    assert settings.fine_tuning.epochs == 5
    assert settings.fine_tuning.batch == 2
    assert settings.fine_tuning.warm_up == 0
    assert settings.pretraining.packing == "concatenate"


def test_settings_that_were_made_already_are_kept() -> None:
    network = NetworkSettings(name_or_path="some/model")
    assert PlantBertSettings(network=network).fine_tuning.batch == 8
    again = PlantBertSettings.model_validate(PlantBertSettings().model_dump())
    assert again == PlantBertSettings()


def test_settings_of_a_published_network_survive_being_written() -> None:
    settings = PlantBertSettings.model_validate(
        {"network": {"name_or_path": "some/model"}, "pretraining": {"epochs": 1}}
    )
    assert PlantBertSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": {"hidden": 60, "heads": 8}}, "60 is no multiple of 8 heads.*such as 64"),
        ({"k": 256}, "256 species are 513 tokens, the network reads 512.*at most 255"),
        ({"pretraining": {"share": 0}}, "greater than 0"),
        ({"species": 3}, "Extra inputs"),
        ("small", "valid dictionary"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PlantBertSettings.model_validate(values)
