import datetime

import pytest
import yaml
from pydantic import ValidationError

from biomap_xr.covariates.settings import (
    ClimateSettings,
    CovariateSettings,
    LandsatSettings,
    Period,
    Sentinel2Settings,
    year_range,
)

SLOVENIA = """
sentinel2:
  timestamps: s2/slovenia/timestamps.json
  scenes:
    - {path: s2/slovenia/scene0_13bands_uint16_x10000.tif, position: 2, mask_band: 3}
    - {path: s2/slovenia/scene4_13bands_uint16_x10000.tif, date: 2015-07-11, mask_band: 2015-07-11a}
  mask: {pattern: s2/slovenia/cloudmask_68dates.tif, valid: [0]}
  bands: [B04, B03, B02, B08]
  period: {start: 2015-07-01, end: 2015-12-01}
"""


def test_the_slovenian_scenes_can_be_said_in_yaml():
    settings = CovariateSettings.model_validate(yaml.safe_load(SLOVENIA)).sentinel2
    assert settings.scenes[0].position == 2
    assert settings.scenes[1].date == datetime.date(2015, 7, 11)
    assert settings.mask.valid == (0,)


def test_the_reference_period_is_paper_1s():
    period = Sentinel2Settings().period
    assert (str(period.start), str(period.end)) == ("2021-03-21", "2021-12-01")
    assert not period.holds(datetime.date(2021, 3, 20))


def test_years_include_both_ends():
    assert len(year_range(LandsatSettings().years)) == 21
    assert len(year_range(ClimateSettings().years)) == 19


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Period(start="2021-02-01", end="2021-01-01"), "lies before start"),
        (lambda: Sentinel2Settings(files="S2.tif"), r"holds no \{date\}"),
        (lambda: Sentinel2Settings(scenes=[{"path": "a.tif"}]), "either date or position"),
        (lambda: Sentinel2Settings(scenes=[{"path": "a", "position": 1}]), "timestamps is not"),
        (
            lambda: Sentinel2Settings(catalogue="c", scenes=[{"path": "a", "date": "2021-04-01"}]),
            "both given",
        ),
        (lambda: LandsatSettings(files="l_{year}.tif"), "'quarter'"),
        (lambda: LandsatSettings(years=(2020, 2000)), "are empty"),
        (lambda: ClimateSettings(files="{year}.tif"), "'variable'"),
        (lambda: ClimateSettings(variables=("pr",)), "expected the files' names"),
        (lambda: ClimateSettings(units={"pr": "mm"}), "none for 'tas'"),
        (lambda: ClimateSettings(units=dict.fromkeys(("pr", "tas", "tasmax", "tasmin"), "K")), "K"),
        (lambda: CovariateSettings(sentinel3={}), "sentinel3"),
    ],
)
def test_what_cannot_mean_anything_is_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()
