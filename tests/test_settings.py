import pytest
from pydantic import ValidationError

from biomap_xr.settings import Settings


class Speed(Settings):
    limit: float = 50.0


@pytest.mark.parametrize("wrong", [{"limits": 3}, {"limit": float("nan")}, {"limit": "fast"}])
def test_unknown_keys_and_impossible_values_are_errors(wrong):
    with pytest.raises(ValidationError):
        Speed(**wrong)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Speed().limit = 3
