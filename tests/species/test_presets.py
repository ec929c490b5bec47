import pytest

from biomap_xr.species.normalisation import CHANNELS
from biomap_xr.species.presets import PRESETS
from biomap_xr.species.settings import NormalisationSettings


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_constant_per_channel(preset: str) -> None:
    for modality, constants in PRESETS[preset].items():
        assert len(constants.mean) == len(constants.deviation) == len(CHANNELS[modality])


def test_every_preset_can_be_named_in_a_recipe() -> None:
    assert [NormalisationSettings(preset=name).preset for name in PRESETS] == list(PRESETS)
