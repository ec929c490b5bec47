import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.learners.arrays import arrays_to_bytes
from biomap_xr.habitats.ensemble.learners.forest import FILE, Forest, _below, fit_forest
from biomap_xr.habitats.ensemble.learners.protocol import Means
from biomap_xr.habitats.ensemble.learners.settings import ForestSettings

SETTINGS = ForestSettings(trees=12)


@pytest.mark.parametrize("depth", [None, 3])
def test_walk_is_scikit_learns_prediction_after_reload(numbers, depth):
    fitted = RandomForestClassifier(20, max_depth=depth, random_state=1, n_jobs=1)
    fitted.fit(numbers.columns, numbers.labels)
    again = Forest.from_files(Forest.of(fitted).to_files())
    columns = np.random.default_rng(2).normal(size=(500, 6)).astype(np.float32)
    np.testing.assert_allclose(
        again.probabilities(columns, 1), fitted.predict_proba(columns), atol=1e-6
    )


def test_values_on_a_threshold_go_scikit_learns_way(numbers):
    fitted = RandomForestClassifier(20, random_state=1, n_jobs=1)
    fitted.fit(numbers.columns.round(1), numbers.labels)
    forest = Forest.of(fitted)
    thresholds = np.concatenate([tree.tree_.threshold for tree in fitted.estimators_])
    near = thresholds.astype(np.float32)
    values = np.concatenate([near, np.nextafter(near, np.float32(9)), np.nextafter(near, -near)])
    columns = np.repeat(values[:, None], 6, axis=1).astype(np.float32)
    np.testing.assert_allclose(
        forest.probabilities(columns, 1), fitted.predict_proba(columns), atol=1e-6
    )


def test_thresholds_are_rounded_downwards():
    exact = np.random.default_rng(0).normal(size=1000)
    rounded = _below(exact).astype(np.float64)
    assert (rounded <= exact).all()
    assert (np.nextafter(_below(exact), np.float32(np.inf)).astype(np.float64) > exact).all()


def test_class_weights_weigh_the_splits_and_draw_no_row_more_often(numbers):
    # With scikit-learn's own forest weighing within each bootstrap sample.
    weighted = fit_forest(numbers, None, SETTINGS, Means(seed=3))
    reference = RandomForestClassifier(
        12, max_samples=1.0, class_weight="balanced_subsample", random_state=3, n_jobs=1
    ).fit(numbers.columns, numbers.labels)
    np.testing.assert_allclose(
        weighted.probabilities(numbers.columns, 1),
        reference.predict_proba(numbers.columns),
        atol=1e-6,
    )


def test_rare_classes_gain_by_weights(numbers):
    leafy = {"max_depth": 1, "trees": 40}
    plain, weighted = (
        fit_forest(numbers, None, ForestSettings(imbalance=each, **leafy), Means())
        for each in ("none", "class_weights")
    )
    rare = np.bincount(numbers.labels).argmin()
    gained = [f.probabilities(numbers.columns, 1)[:, rare].mean() for f in (plain, weighted)]
    assert gained[1] > gained[0] + 0.05


def test_equal_seeds_give_equal_bytes_whatever_the_threads(numbers):
    one, two = (fit_forest(numbers, None, SETTINGS, Means(threads=n)).to_files() for n in (1, 2))
    assert one == two


def test_leaves_keep_few_of_many_classes(numbers):
    forest = fit_forest(numbers, None, SETTINGS, Means())
    leaves = len(forest.leaf_start) - 1
    # Pure leaves, as trees without a limit have them, hold one class each.
    assert len(forest.leaf_share) == leaves == (forest.feature == -1).sum()
    assert forest.summary() == {"trees": 12, "nodes": len(forest.feature)}


def test_tree_of_a_single_leaf():
    columns = np.zeros((4, 1), np.float32)
    fitted = RandomForestClassifier(3, random_state=0, n_jobs=1).fit(columns, [0, 0, 1, 1])
    found = Forest.of(fitted).probabilities(columns, 1)
    np.testing.assert_allclose(found, fitted.predict_proba(columns), atol=1e-6)


def test_missing_and_damaged_files_are_told(numbers):
    files = fit_forest(numbers, None, SETTINGS, Means()).to_files()
    with pytest.raises(InputError, match=f"expected {FILE}"):
        Forest.from_files({})
    with pytest.raises(CorruptError, match="no safetensors"):
        Forest.from_files({FILE: files[FILE][:-10]})
    with pytest.raises(CorruptError, match=r"holds \['roots'\], expected"):
        Forest.from_files({FILE: arrays_to_bytes({"roots": np.zeros(1)})})
