from dataclasses import replace

import catboost
import numpy as np
import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.learners.catboost import FILE, CatBoost, fit_catboost
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import CatBoostSettings

SETTINGS = CatBoostSettings(rounds=30, learning_rate=0.2, patience=3)


@pytest.fixture(scope="module")
def fitted(numbers):
    return fit_catboost(numbers, None, SETTINGS, Means(seed=1))


@pytest.fixture(scope="module")
def mixed():
    """Give three numbers with missing values and two categories of five and three."""
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(300, 5)).astype(np.float32)
    columns[:, 3], columns[:, 4] = generator.integers(0, 5, 300), generator.integers(0, 3, 300)
    labels = np.isin(columns[:, 3], [1, 3]).astype(np.int64) + (columns[:, 0] > 1)
    columns[::7, 1] = np.nan
    return Problem(columns, labels, np.ones(300), 3, (5, 3))


def test_prediction_is_the_librarys_own(fitted, numbers, tmp_path):
    path = tmp_path / FILE
    path.write_bytes(fitted.to_files()[FILE])
    booster = catboost.CatBoost().load_model(str(path))
    np.testing.assert_allclose(
        fitted.probabilities(numbers.columns, 1),
        booster.predict(numbers.columns, prediction_type="Probability", thread_count=1),
        atol=1e-6,
    )


def test_fit_is_that_of_the_librarys_classifier(numbers):
    reference = catboost.CatBoostClassifier(
        iterations=30,
        learning_rate=0.2,
        random_seed=0,
        thread_count=1,
        allow_writing_files=False,
        verbose=False,
    ).fit(numbers.columns, numbers.labels, sample_weight=numbers.weights)
    found = fit_catboost(numbers, None, SETTINGS, Means()).probabilities(numbers.columns, 1)
    np.testing.assert_allclose(found, reference.predict_proba(numbers.columns), atol=1e-6)


def test_rows_sum_to_1(fitted, numbers):
    probability = fitted.probabilities(numbers.columns, 1)
    assert probability.dtype == np.float64
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_reload_gives_the_same_bit_by_bit(fitted, numbers):
    again = CatBoost.from_files(fitted.to_files())
    np.testing.assert_array_equal(
        again.probabilities(numbers.columns, 1), fitted.probabilities(numbers.columns, 2)
    )
    assert again.to_files() == fitted.to_files()
    assert again.summary() == fitted.summary() == {"rounds": 30}


def test_equal_seeds_give_equal_bytes(fitted, numbers):
    assert fit_catboost(numbers, None, SETTINGS, Means(seed=1)).to_files() == fitted.to_files()


def test_boosting_stops_on_held_out_rows(numbers):
    # Labels in another order: what is learned is of no use there.
    order = np.random.default_rng(0).permutation(len(numbers.labels))
    other = replace(numbers, labels=numbers.labels[order])
    stopped = fit_catboost(numbers, other, SETTINGS, Means())
    assert stopped.summary()["rounds"] < 10
    again = CatBoost.from_files(stopped.to_files())
    np.testing.assert_array_equal(
        again.probabilities(numbers.columns, 1), stopped.probabilities(numbers.columns, 1)
    )


def test_weights_favour_their_class(numbers):
    heavy = replace(numbers, weights=1.0 + 20 * (numbers.labels == 0))
    gain = [
        fit_catboost(each, None, SETTINGS, Means()).probabilities(numbers.columns, 1)[:, 0].mean()
        for each in (replace(numbers, weights=np.ones(len(numbers.labels))), heavy)
    ]
    assert gain[1] > gain[0]


def test_categories_and_missing_values_are_learned(mixed):
    model = fit_catboost(mixed, None, SETTINGS, Means())
    again = CatBoost.from_files(model.to_files())
    found = again.probabilities(mixed.columns, 1)
    assert (found.argmax(axis=1) == mixed.labels).mean() > 0.95
    np.testing.assert_array_equal(found, model.probabilities(mixed.columns, 1))


def test_unseen_categories_have_probabilities(mixed):
    model = fit_catboost(mixed, None, SETTINGS, Means())
    columns = mixed.columns[:2].copy()
    columns[:, 3] = -2
    np.testing.assert_allclose(model.probabilities(columns, 1).sum(axis=1), 1)


def test_few_rows_are_enough():
    few = Problem(np.arange(4, dtype=np.float32)[:, None], np.array([0, 1, 0, 1]), np.ones(4), 2)
    probability = fit_catboost(few, few, SETTINGS, Means()).probabilities(few.columns, 1)
    assert probability.shape == (4, 2)
    assert np.isfinite(probability).all()


def test_missing_and_damaged_files_are_told(fitted):
    with pytest.raises(InputError, match=f"expected {FILE}"):
        CatBoost.from_files({})
    content = fitted.to_files()[FILE]
    cut_short = (content[: len(content) // part] for part in (2, 5, 10, 10_000))
    for damaged in (b"", b"junk" * 100, b"CBM1\x04\x00\x00\x00junk", *cut_short):
        with pytest.raises(CorruptError, match=f"{FILE}: {len(damaged)} bytes"):
            CatBoost.from_files({FILE: damaged})
