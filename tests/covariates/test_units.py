import pytest

from biomap_xr.covariates.units import CLIMATE_UNITS, UNITS, Conversion, conversion
from biomap_xr.errors import RecipeError


@pytest.mark.parametrize(
    ("given", "wanted", "value", "expected"),
    [
        ("degC", "0.1 K", 10.0, 2831.5),
        ("0.1 degC", "0.1 K", 100.0, 2831.5),
        ("K", "0.1 K", 283.15, 2831.5),
        ("mm", "0.01 kg m-2", 12.5, 1250.0),
        ("0.1 K", "degC", 2831.5, 10.0),
    ],
)
def test_hand_worked_conversions(given, wanted, value, expected):
    step = conversion(given, wanted)
    assert value * step.scale + step.offset == pytest.approx(expected, abs=1e-9)


def test_the_same_unit_changes_nothing():
    assert all(conversion(unit, unit) == Conversion(1, 0) for unit in UNITS)
    assert set(CLIMATE_UNITS.values()) <= set(UNITS)


def test_unknown_and_unfitting_units_are_named():
    with pytest.raises(RecipeError, match="'fathom' is not known"):
        conversion("fathom", "K")
    with pytest.raises(RecipeError, match=r"'mm' is of precipitation .* expected one of temp"):
        conversion("mm", "K")
