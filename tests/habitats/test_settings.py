import pytest
from pydantic import ValidationError

from biomap_xr.habitats.settings import HabitatSettings

PLOTS = {"tables": [{"kind": "plantbert", "species": "s.csv", "header": "h.csv"}]}


def test_an_expert_system_needs_its_rules():
    with pytest.raises(ValidationError, match="without its rule file"):
        HabitatSettings(labels="expert_system")


def test_one_model_is_enough():
    assert HabitatSettings.model_validate({"by_species": {}}).wanted
    assert HabitatSettings.model_validate({"by_environment": {}}).wanted


@pytest.mark.parametrize("name", ["", "../dikes", "a/b", "two words", ".hidden", "all*"])
def test_a_name_of_external_data_becomes_a_file(name):
    with pytest.raises(ValidationError, match=r"external: \[.*\] are no names, expected letters"):
        HabitatSettings(external={name: PLOTS})
    assert set(HabitatSettings(external={"danube-dikes_2": PLOTS}).external) == {"danube-dikes_2"}
