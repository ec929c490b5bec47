import os

import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable

DATA = os.environ.get("BIOMAP_XR_DATA")
TABLE = FeatureTable(
    features=(
        Feature(name="bio01", unit="degC"),
        Feature(name="tree_cover", kind="frequency", reference=100),
        Feature(name="soil", kind="category"),
    )
)


def rows(**changed):
    row = {"bio01": 5.0, "tree_cover": 20.0, "soil": 3.0} | changed
    return np.array([list(row.values())], np.float32)


def test_predictors_are_found_by_name_and_unit():
    places = TABLE.positions(["soil", "bio01", "x", "tree_cover"], {"bio01": "degC"})
    assert places.tolist() == [1, 3, 0]


def test_missing_predictor_is_named():
    with pytest.raises(InputError, match=r"\['soil'\] are missing, there are bio01, tree_cover"):
        TABLE.positions(["bio01", "tree_cover"], {"bio01": "degC"})


@pytest.mark.parametrize("unit", ["K", None])
def test_other_unit_than_at_training_is_refused(unit):
    units = {} if unit is None else {"bio01": unit}
    with pytest.raises(InputError, match=r"'bio01' is in .*, expected 'degC' as at training"):
        TABLE.positions(TABLE.names, units)


def test_units_are_filled_in_but_not_changed():
    units = [f.unit for f in TABLE.with_units({"bio01": "K", "tree_cover": "percent"}).features]
    assert units == ["degC", "percent", None]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tree_cover": 101.0}, "'tree_cover' .* value 101 in 1 rows; expected 0 to 100"),
        ({"tree_cover": -9999.0}, "value -9999"),
        ({"soil": 2.5}, "'soil' .* value 2.5 .* whole numbers"),
        ({"bio01": np.inf}, "'bio01' .* value inf .* finite"),
        ({"soil": -np.inf}, "value -inf"),
    ],
)
def test_impossible_values_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        TABLE.check_values(rows(**changed))


def test_missing_values_are_possible():
    TABLE.check_values(rows(bio01=np.nan, soil=np.nan))


def test_other_number_of_columns_is_refused():
    with pytest.raises(InputError, match=r"shape \(1, 2\), expected \(row, 3\)"):
        TABLE.check_columns(rows()[:, :2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "cyclic"}, "kind 'cyclic' without a reference"),
        ({"reference": 360}, "reference 360 has no meaning for kind 'continuous'"),
        ({"categories": (1,)}, "expected kind 'category'"),
    ],
)
def test_features_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Feature(name="a", **settings)


def test_feature_twice_is_refused():
    with pytest.raises(ValueError, match=r"\['a'\] named twice"):
        FeatureTable(features=(Feature(name="a"), Feature(name="a")))


def test_unknown_predictor_is_refused():
    with pytest.raises(InputError, match=r"\['altitude'\] are not in the feature table"):
        TABLE.select(["altitude"])
