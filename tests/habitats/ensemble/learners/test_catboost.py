import catboost
import numpy as np
import pytest

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.catboost import FILE, CatBoost, fit_catboost
from biomap_xr.habitats.ensemble.learners.protocol import Means
from biomap_xr.habitats.ensemble.learners.settings import CatBoostSettings

SETTINGS = CatBoostSettings(rounds=30, learning_rate=0.2, patience=3)


@pytest.fixture(scope="module")
def fitted(numbers):
    return fit_catboost(numbers, None, SETTINGS, Means(seed=1))


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


def test_trees_that_are_junk_are_told():
    junk = b"CBM1\x04\x00\x00\x00junk"
    with pytest.raises(CorruptError, match=f"{FILE}: {len(junk)} bytes that CatBoost cannot read"):
        CatBoost.from_files({FILE: junk})
