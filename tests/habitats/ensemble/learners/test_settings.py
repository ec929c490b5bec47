import pytest
from pydantic import TypeAdapter

from biomap_xr.habitats.ensemble.learners.settings import (
    PERCEPTRON_IMBALANCE,
    TREE_IMBALANCE,
    CatBoostSettings,
    ForestSettings,
    LearnerSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
    published_name,
)

TREES = (ForestSettings, XGBoostSettings, CatBoostSettings, LightGBMSettings)


@pytest.mark.parametrize("kind", TREES)
def test_trees_have_class_weights_or_nothing(kind):
    for imbalance in TREE_IMBALANCE:
        assert kind(imbalance=imbalance).imbalance == imbalance
    for imbalance in set(PERCEPTRON_IMBALANCE) - {"none"}:
        with pytest.raises(ValueError, match="is for another family of learners"):
            kind(imbalance=imbalance)


def test_perceptrons_have_losses():
    for imbalance in PERCEPTRON_IMBALANCE:
        assert PerceptronSettings(imbalance=imbalance).imbalance == imbalance
    with pytest.raises(ValueError, match="'class_weights' is not to be had for Perceptron"):
        PerceptronSettings(imbalance="class_weights")


def test_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match=r"'smote' is not to be had for Forest; expected one of"):
        ForestSettings(imbalance="smote")


def test_recipe_tells_the_learner_by_its_algorithm():
    read = TypeAdapter(LearnerSettings).validate_python({"algorithm": "lightgbm", "leaves": 7})
    assert read == LightGBMSettings(leaves=7)
    with pytest.raises(ValueError, match="leaves"):
        TypeAdapter(LearnerSettings).validate_python({"algorithm": "forest", "leaves": 7})


@pytest.mark.parametrize("share", [0, 1.5])
def test_share_of_columns_is_a_share(share):
    with pytest.raises(ValueError, match="no share of the columns"):
        ForestSettings(max_features=share)


def test_widths_of_any_perceptron():
    assert PerceptronSettings(architecture=[64, 32]).widths == (64, 32)
    with pytest.raises(ValueError, match="architecture"):
        PerceptronSettings(architecture=())


def test_families():
    assert [kind().family for kind in (*TREES, PerceptronSettings)] == [
        *("bagging", "boosting", "boosting", "boosting", "perceptron")
    ]


def test_names_are_the_published_ones():
    settings = [
        XGBoostSettings(imbalance="none"),
        LightGBMSettings(),
        CatBoostSettings(),
        PerceptronSettings(architecture="wide", imbalance="ldam"),
        PerceptronSettings(imbalance="weighted_focal", gamma=2),
        PerceptronSettings(architecture=(64,), imbalance="none"),
    ]
    assert [published_name(each) for each in settings] == [
        *("xgb", "lgbm", "wcb", "mlpw_ldam", "mlp3_wfl2", "mlp64_ce")
    ]
