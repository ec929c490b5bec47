import numpy as np
import pytest
import xgboost

from biomap_xr.habitats.ensemble.trees.kernel import CATEGORICAL
from biomap_xr.habitats.ensemble.trees.xgboost import from_xgboost

KINDS = ["float", "int", "float", "c"]


def drawn(rows, seed, missing=0.1):
    rng = np.random.default_rng(seed)
    columns = np.stack(
        [
            rng.normal(size=rows),
            rng.integers(0, 9, rows),
            rng.exponential(size=rows),
            rng.integers(0, 50, rows),
        ],
        axis=1,
    ).astype(np.float32)
    columns[rng.random(columns.shape) < missing] = np.nan
    return columns


def matrix(columns, labels=None, kinds=KINDS):
    return xgboost.DMatrix(columns, labels, feature_types=kinds, enable_categorical=True, nthread=1)


def boosted(classes=4, missing=0.1, kinds=KINDS, **parameters):
    columns = drawn(1500, 0, missing)
    score = np.nan_to_num(columns[:, 0]) + np.nan_to_num(columns[:, 3]) % 7 / 3
    labels = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    shape = (
        {"objective": "multi:softprob", "num_class": classes}
        if classes > 2
        else {"objective": "binary:logistic"}
    )
    given = {"nthread": 1, "tree_method": "hist", "verbosity": 0, **shape, **parameters}
    return xgboost.train(given, matrix(columns, labels, kinds), 8)


def told(booster, columns):
    answer = booster.predict(matrix(columns))
    return answer if answer.ndim == 2 else np.stack([1 - answer, answer], axis=1)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"missing": 0.0},
        {"classes": 2},
        {"classes": 2, "base_score": 0.2},
        {"max_cat_to_onehot": 64},
        {"max_cat_to_onehot": 1},
        {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 31},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"gamma": 1e9},
    ],
    ids=str,
)
def test_equals_the_library(settings):
    booster = boosted(**settings)
    table = from_xgboost(bytes(booster.save_raw("json")))
    new = drawn(500, 1)
    # Categories that training did not have, and thresholds themselves and their neighbours.
    new[:6, 3] = [50, 63, 64, 1000, 49, 51]
    nodes = table.trees.nodes
    exact = nodes[:, 1].view(np.float32)[nodes[:, 0] & ~(1 << 30) == 0][:100]
    new[20 : 20 + len(exact), 0] = exact
    new[120 : 120 + len(exact), 0] = np.nextafter(exact, np.float32(np.inf))
    found = table.probabilities(new)
    np.testing.assert_allclose(found, told(booster, new), atol=2e-7)
    if settings in ({}, {"max_cat_to_onehot": 1}):
        assert (nodes[:, 0] & CATEGORICAL).any()


def test_forms_that_are_left_to_the_library():
    for settings in (
        {"booster": "dart", "rate_drop": 0.5},
        {"multi_strategy": "multi_output_tree", "kinds": ["float"] * 4},
        {"objective": "multi:softmax"},
    ):
        assert from_xgboost(bytes(boosted(missing=0.0, **settings).save_raw("json"))) is None
