import lightgbm
import numpy as np
import pytest

from biomap_xr.habitats.ensemble.trees.lightgbm import from_lightgbm

QUIET = {"verbosity": -1, "num_threads": 1}


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


def boosted(classes=4, missing=0.1, categories=(3,), **parameters):
    columns = drawn(1500, 0, missing)
    score = np.nan_to_num(columns[:, 0]) + np.nan_to_num(columns[:, 3]) % 7 / 3
    labels = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    shape = (
        {"objective": "multiclass", "num_class": classes}
        if classes > 2
        else {"objective": "binary"}
    )
    data = lightgbm.Dataset(
        columns, labels, categorical_feature=list(categories), params=QUIET, free_raw_data=False
    )
    return lightgbm.train({**QUIET, **shape, "num_leaves": 15, **parameters}, data, 8)


def told(booster, columns):
    answer = booster.predict(columns, num_threads=1)
    return answer if answer.ndim == 2 else np.stack([1 - answer, answer], axis=1)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"missing": 0.0},
        {"classes": 2},
        {"categories": ()},
        {"use_missing": False},
        {"max_cat_to_onehot": 64},
        {"min_gain_to_split": 1e9},
    ],
    ids=str,
)
def test_equals_the_library(settings):
    booster = boosted(**settings)
    table = from_lightgbm(booster.model_to_string())
    new = drawn(500, 1)
    # Categories that training did not have, thresholds themselves, numbers beyond all others.
    new[:20, 3] = np.float32([-1, -5, 50, 63, 64, 1000, 7.5, 3e9, 49, 51] * 2)
    exact = np.float32(table.trees.nodes[:, 1].view(np.float32)[table.trees.nodes[:, 0] == 0])
    new[20 : 20 + len(exact[:200]), 0] = exact[:200]
    np.testing.assert_allclose(table.probabilities(new), told(booster, new), atol=1e-12)


def test_early_stopped_models_keep_their_best_rounds():
    booster = boosted()
    best = booster.model_to_string(num_iteration=3)
    new = drawn(200, 2)
    found = from_lightgbm(best).probabilities(new)
    np.testing.assert_allclose(found, booster.predict(new, num_iteration=3), atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"linear_tree": True, "missing": 0.0},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"zero_as_missing": True},
        {"classes": 2, "sigmoid": 2.0},
    ],
    ids=str,
)
def test_forms_that_are_left_to_the_library(settings):
    assert from_lightgbm(boosted(**settings).model_to_string()) is None
