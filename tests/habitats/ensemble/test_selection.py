import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.selection import fold_score, mean_scores, select
from biomap_xr.habitats.ensemble.settings import SelectionSettings

KINDS = {
    "rf": ("bagging", "forest"),
    "wrf": ("bagging", "forest"),
    "xgb": ("boosting", "xgboost"),
    "wxgb": ("boosting", "xgboost"),
    "lgbm": ("boosting", "lightgbm"),
    "mlp": ("perceptron", "perceptron"),
}
SCORES = {"rf": 0.50, "wrf": 0.55, "xgb": 0.60, "wxgb": 0.57, "lgbm": 0.59, "mlp": 0.30}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("wrf", "xgb", "mlp")),
        ({"keep": "algorithm"}, ("wrf", "xgb", "lgbm", "mlp")),
        ({"keep": "all"}, tuple(SCORES)),
        ({"margin": 0.02}, ("wrf", "xgb", "lgbm", "mlp")),
        ({"margin": 0.05}, ("rf", "wrf", "xgb", "wxgb", "lgbm", "mlp")),
        ({"least": 0.4}, ("wrf", "xgb")),
    ],
)
def test_chosen_by_hand(settings, expected):
    assert select(SCORES, KINDS, SelectionSettings(**settings)) == expected


def test_the_first_of_equals_is_chosen():
    scores = {"rf": 0.5, "wrf": 0.5}
    assert select(scores, KINDS, SelectionSettings()) == ("rf",)


def test_none_good_enough():
    with pytest.raises(InputError, match=r"no learner reaches the score 0.9"):
        select(SCORES, KINDS, SelectionSettings(least=0.9))


def test_score_of_a_fold_against_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.choice(["R11", "R12", "R22"], 200)
    predicted = np.where(rng.random(200) < 0.6, true, "R12")
    found = fold_score(true, predicted, np.array(["R11", "R12", "R22"]))
    assert found == pytest.approx(balanced_accuracy_score(true, predicted, adjusted=True))


def test_classes_that_training_lacked_are_not_scored():
    true, predicted = np.array(["a", "a", "b", "c"]), np.array(["a", "b", "b", "a"])
    assert fold_score(true, predicted, np.array(["a", "b"])) == 0.5
    assert np.isnan(fold_score(true, predicted, np.array(["a"])))


def test_means_skip_folds_without_a_score():
    assert mean_scores({"rf": np.array([0.2, np.nan, 0.4])}) == pytest.approx({"rf": 0.3})
    with pytest.raises(InputError, match=r"\['rf'\] have no score in any fold"):
        mean_scores({"rf": np.array([np.nan])})
