"""The declared indicators and statuses are those of the design."""

from dataclasses import fields

import pytest

from biomap_xr.indicators.declared import INDICATORS, STATUS_CODES, STATUSES, attributes
from biomap_xr.indicators.sums import IndicatorMaps


def test_the_order_of_the_cube() -> None:
    assert list(INDICATORS) == [
        "richness",
        "eu_directive",
        "threatened",
        "trees",
        "invasive",
        "specialist",
    ]
    assert STATUSES == ("LC", "NT", "VU", "EN", "CR", "unknown")


def test_codes_grow_with_the_threat() -> None:
    in_order = ["unknown", "LC", "NT", "VU", "EN", "CR"]
    assert sorted(STATUS_CODES, key=STATUS_CODES.__getitem__) == in_order
    assert min(STATUS_CODES.values()) == 2


@pytest.mark.parametrize("field", [field.name for field in fields(IndicatorMaps)])
def test_every_variable_is_described(field: str) -> None:
    described = attributes(field)
    assert described["units"] == "1"
    assert described["long_name"]


def test_flags_name_every_code() -> None:
    described = attributes("most_threatened")
    meanings = described["flag_meanings"].split()
    assert dict(zip(meanings, described["flag_values"], strict=True)) == {
        "not_valid": 0,
        "no_species": 1,
        **STATUS_CODES,
    }
