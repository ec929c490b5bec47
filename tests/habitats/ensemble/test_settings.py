import pytest

from biomap_xr.habitats.ensemble.learners.settings import ForestSettings, XGBoostSettings
from biomap_xr.habitats.ensemble.published import DEFAULT, PUBLISHED
from biomap_xr.habitats.ensemble.settings import EnsembleSettings

FOREST = "{'hyperparams': {'criterion': 'gini', 'n_estimators': 7}}"


def test_published_members_unless_said_otherwise():
    assert EnsembleSettings().members_of("S") == PUBLISHED["S"]


def test_members_of_the_recipe():
    settings = EnsembleSettings.model_validate(
        {
            "members": {"rf": {"algorithm": "forest", "imbalance": "none"}},
            "by_formation": {"T": {"xgb": {"algorithm": "xgboost", "rounds": 9}}},
        }
    )
    assert settings.members_of("R") == {"rf": ForestSettings(imbalance="none")}
    assert settings.members_of("T") == {"xgb": XGBoostSettings(rounds=9)}


def test_members_of_published_files(tmp_path):
    (tmp_path / "R_config").mkdir()
    (tmp_path / "R_config" / "rf.json").write_text(FOREST)
    settings = EnsembleSettings(configurations=tmp_path)
    assert settings.members_of("R") == {"rf": ForestSettings(trees=7, imbalance="none")}
    assert settings.members_of("V") == DEFAULT


def test_splits_to_compare_are_kept_in_their_order():
    named = EnsembleSettings(compared_splits=("random", "country"))
    assert named.compared_splits == ("random", "country")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"formations": ("R", "X")}, r"correct \['X'\]"),
        ({"formations": ("R", "R")}, "each once"),
        ({"formations": ()}, "formations"),
        ({"by_formation": {"X": {}}}, r"\['X'\] are no formations"),
        ({"feature_table": "a.csv", "features": [{"name": "a"}]}, "leave one out"),
        ({"configurations": "a", "members": {"rf": {"algorithm": "forest"}}}, "leave one out"),
        ({"members": {"../rf": {"algorithm": "forest"}}}, r"\['../rf'\] are no names"),
        ({"members": {"rf": {"algorithm": "forest", "imbalance": "ldam"}}}, "another family"),
        ({"weights": "best"}, "weights"),
        ({"compared_splits": ("site", "../x")}, r"correct \['../x'\]"),
        ({"compared_splits": ("site", "site")}, "each once"),
        (
            {"compared_splits": ("bioregion",)},
            r"fields of a plot, which are year, .*cover_scale, .*correct \['bioregion'\]",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        EnsembleSettings.model_validate(changed)
