import pytest

from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    ForestSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
)
from biomap_xr.habitats.ensemble.spaces import SPACES, UNREGULARISED, Range, changed, grid

KINDS = (
    *(ForestSettings, XGBoostSettings, CatBoostSettings, LightGBMSettings, PerceptronSettings),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["optimiser", "regularisation"])
def test_limits_and_choices_are_settings_that_can_be(kind, stage):
    space = SPACES[kind().algorithm, stage]
    for name, limits in space.items():
        ends = (limits.low, limits.high) if isinstance(limits, Range) else limits
        for value in ends:
            assert getattr(changed(kind(), {name: value}), name) == value


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_switched_off_is_what_the_second_stage_tries(kind):
    algorithm = kind().algorithm
    tried = set(SPACES[algorithm, "regularisation"])
    # The depth of CatBoost's oblivious trees is their architecture: none has no limit.
    assert tried - {"max_depth"} <= set(UNREGULARISED[algorithm]) <= tried
    assert not tried & set(SPACES[algorithm, "optimiser"])
    changed(kind(), UNREGULARISED[algorithm])


def test_a_perceptrons_settings_are_choices():
    for stage in ("optimiser", "regularisation"):
        assert all(isinstance(each, tuple) for each in SPACES["perceptron", stage].values())


def test_a_short_grid_begins_at_the_published_settings():
    first = grid(SPACES["perceptron", "optimiser"], 1) + grid(
        SPACES["perceptron", "regularisation"], 1
    )
    assert first == [
        {"optimiser": "radam", "learning_rate": 1e-3},
        {"dropout": 0.2, "weight_decay": 1e-3},
    ]


def test_whole_grid():
    assert len(grid(SPACES["perceptron", "optimiser"], 99)) == 6


def test_changed_settings_are_validated():
    with pytest.raises(ValueError, match="max_depth"):
        changed(ForestSettings(), {"max_depth": 0})
