import pytest
from pydantic import ValidationError

from biomap_xr.habitats.rules.settings import RegionSettings


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
