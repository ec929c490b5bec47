import pytest
from pydantic import ValidationError

from biomap_xr.covariates.predictors import (
    PredictorSettings,
    PredictorsSettings,
    SelectionSettings,
)


def test_predictors_name_one_variable_a_class():
    cover = PredictorSettings(
        name="cover", path="c.tif", kind="proportions", classes={"a": (1,), "b": (2, 3)}
    )
    ph = PredictorSettings(name="ph", path=("1.tif", "2.tif"), kind="temporal_mean")
    assert PredictorsSettings(variables=(cover, ph)).names == ("cover_a", "cover_b", "ph")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PredictorSettings(name="c", path="c.tif", kind="proportions"), "needs classes"),
        (lambda: PredictorSettings(name="c", path="c.tif", kind="temporal_mean"), "several"),
        (lambda: PredictorSettings(name="c", path="c", valid_range=(2, 1)), "is empty"),
        (lambda: PredictorsSettings(variables=[{"name": "a", "path": "a"}] * 2), "stand twice"),
        (lambda: SelectionSettings(threshold=1.5), "threshold"),
    ],
)
def test_what_cannot_mean_anything_is_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()
