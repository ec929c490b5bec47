"""Settings refuse what cannot mean anything."""

import pytest
from pydantic import ValidationError

from biomap_xr.indicators.settings import IndicatorSettings, SpecialistSettings


def test_a_recipe_section_reads() -> None:
    settings = IndicatorSettings.model_validate(
        {
            "eu_directive": {"path": "a.csv", "keys": ["canonicalName", "species"]},
            "status": {"path": "b.csv", "translate": {"3": "VU"}, "inferred": "how"},
            "unknown_status": "exclude",
        }
    )
    assert settings.eu_directive is not None
    assert settings.eu_directive.keys == ("canonicalName", "species")
    assert settings.status is not None
    assert settings.status.translate == {"3": "VU"}


@pytest.mark.parametrize(
    "section",
    [
        {"unknown_status": "whatever"},
        {"tree": {"path": "a.csv"}},
        {"trees": {"path": "a.csv", "keys": []}},
        {"threatened": ["DD"]},
        {"assemblage": "top25"},
    ],
)
def test_nonsense_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IndicatorSettings.model_validate(section)


@pytest.mark.parametrize("section", [{"rarity": 1.5}, {"rarity": 0}, {"level": 0.01}])
def test_rarity_is_a_share_and_the_former_level_is_no_key(section: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SpecialistSettings.model_validate(section)
