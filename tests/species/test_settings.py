import pytest
from pydantic import ValidationError

from biomap_xr.species.settings import (
    ModalitySettings,
    SpeciesSettings,
    TrainingSettings,
    VectorSettings,
    default_modality,
)


@pytest.mark.parametrize("modality", ["landsat", "climate", "sentinel2", "predictors"])
def test_each_default_fits_its_modality(modality: str) -> None:
    SpeciesSettings(modalities={modality: default_modality(modality)})


def test_an_encoder_that_cannot_read_the_modality_is_refused() -> None:
    branch = ModalitySettings(encoder=VectorSettings())
    with pytest.raises(ValidationError, match=r"'sentinel2' has encoder kind 'vector'.*lattice"):
        SpeciesSettings(modalities={"sentinel2": branch})


def test_no_modality_is_refused() -> None:
    with pytest.raises(ValidationError, match="none given"):
        SpeciesSettings(modalities={})


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": 0}, {"batch": 1}, {"optimiser": "adam"}, {"unknown": 1}]
)
def test_wrong_training_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_the_kind_chooses_the_encoder_when_read_from_a_recipe() -> None:
    branch = ModalitySettings.model_validate({"encoder": {"kind": "published"}})
    assert branch.encoder.widths == (64, 128, 256, 512)
