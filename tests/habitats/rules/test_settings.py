import pytest
from pydantic import ValidationError

from biomap_xr.habitats.rules.settings import CrosswalkSettings, RegionSettings, RulesSettings


def test_the_papers_choices_are_the_defaults():
    rules = RulesSettings()
    assert rules.crosswalk is None
    assert (rules.regions.minimum_plots, rules.regions.coast_depth) == (1, 5_000)
    assert rules.regions.coastal == ("MA2", "N")
    assert CrosswalkSettings(table="a.csv").without_model == "map"


def test_a_table_of_names_needs_their_codes():
    with pytest.raises(ValidationError, match="give ecoregion_codes"):
        RegionSettings(ecoregion_table="counts.csv")
    assert RegionSettings(ecoregion_table="counts.csv", ecoregion_codes="regions.gpkg").name_column


def test_a_file_may_name_the_coasts():
    assert RegionSettings(coast_codes="codes.json").coast_codes.name == "codes.json"
    assert RegionSettings(coast_codes={"ATL_COAST": 2}).coast_codes == {"ATL_COAST": 2}


@pytest.mark.parametrize("wrong", [{"minimum_plots": 0}, {"snapping_distance": -1}, {"depth": 5}])
def test_other_values_are_refused(wrong):
    with pytest.raises(ValidationError):
        RegionSettings(**wrong)
