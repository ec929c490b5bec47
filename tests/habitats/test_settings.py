import pytest
from pydantic import ValidationError

from biomap_xr.habitats.settings import HabitatSettings


def test_an_expert_system_needs_its_rules():
    with pytest.raises(ValidationError, match="without its rule file"):
        HabitatSettings(labels="expert_system")


def test_one_model_is_enough():
    assert HabitatSettings.model_validate({"by_species": {}}).wanted
    assert HabitatSettings.model_validate({"by_environment": {}}).wanted
