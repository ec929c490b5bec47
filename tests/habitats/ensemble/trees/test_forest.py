import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from biomap_xr.habitats.ensemble.learners.forest import Forest
from biomap_xr.habitats.ensemble.trees.forest import from_forest


@pytest.mark.parametrize("weighted", [None, "balanced_subsample"])
@pytest.mark.parametrize("depth", [3, None])
def test_equals_scikit_learn(weighted, depth):
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 12, (400, 6)).astype(np.float32)
    labels = rng.integers(0, 5, 400)
    forest = RandomForestClassifier(12, max_depth=depth, class_weight=weighted, random_state=0)
    forest.fit(columns, labels)
    table = from_forest(Forest.of(forest))
    # Halves lie exactly on thresholds between whole numbers.
    new = rng.integers(0, 24, (333, 6)).astype(np.float32) / 2
    found = table.probabilities(new)
    np.testing.assert_allclose(found, forest.predict_proba(new), atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_tree_that_is_one_leaf():
    columns, labels = np.zeros((6, 2), np.float32), np.array([0, 0, 0, 1, 1, 2])
    forest = RandomForestClassifier(3, bootstrap=False, random_state=0).fit(columns, labels)
    table = from_forest(Forest.of(forest))
    np.testing.assert_allclose(table.probabilities(columns)[0], [1 / 2, 1 / 3, 1 / 6], atol=1e-7)
