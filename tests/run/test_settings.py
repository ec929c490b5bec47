import pytest
from pydantic import ValidationError

from biomap_xr.run.settings import FillSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": -1},
        {"window": 0},
        {"tile_timeout": 0},
        {"patience": -1},
        {"retry": 2},
        {"patience": float("nan")},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        FillSettings(**wrong)
