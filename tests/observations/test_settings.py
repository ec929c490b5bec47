import pytest
from pydantic import ValidationError

from biomap_xr.observations.settings import Bounds, ObservationSettings, Range, TargetGroup


def test_a_recipe_section_is_read_and_defaults_are_the_papers():
    settings = ObservationSettings.model_validate(
        {
            "tables": [
                {
                    "path": "pa.csv",
                    "kind": "survey",
                    "species_list": "geoplant",
                    "filters": {
                        "uncertainty_m": {"maximum": 100, "unknown": "drop"},
                        "year": {"minimum": 2017, "maximum": 2021},
                        "taxon_rank": {"allowed": ["SPECIES"]},
                    },
                }
            ]
        }
    )
    assert settings.tables[0].filters.uncertainty_m == Range(maximum=100, unknown="drop")
    assert (settings.aggregate, settings.background.target_group) == ("cell", "all")
    assert (settings.minimum_surveys, settings.background.random_cells) == (0, 0)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"tables": []}, "at least 1 item"),
        ({"tables": [{"path": "a", "kind": "plot"}]}, "'survey' or 'record'"),
        ({"tables": [{"path": "a", "kind": "record", "filters": {"years": {}}}]}, "years"),
        ({"tables": [{"path": "a", "kind": "record", "filters": {"year": {}}}]}, "filters nothing"),
    ],
)
def test_a_bad_section_is_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        ObservationSettings.model_validate(section)


def test_a_range_and_bounds_must_not_be_empty():
    with pytest.raises(ValidationError, match="minimum 5 exceeds maximum 4"):
        Range(minimum=5, maximum=4)
    with pytest.raises(ValidationError, match="expected west < east"):
        Bounds(west=4, east=3, south=40, north=50)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"trait": "family"},
        {"values": ["a"]},
        {"trait": "family", "values": ["a"], "species": ["b"]},
    ],
)
def test_a_target_group_is_a_trait_or_a_list(given):
    with pytest.raises(ValidationError, match="expected a trait with its values, or a list"):
        TargetGroup(name="orchids", **given)
