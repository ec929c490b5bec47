import numpy as np
import pytest
import xgboost

from biomap_xr.habitats.ensemble.learners.protocol import Means
from biomap_xr.habitats.ensemble.learners.settings import XGBoostSettings
from biomap_xr.habitats.ensemble.learners.xgboost import FILE, fit_xgboost

SETTINGS = XGBoostSettings(rounds=30, learning_rate=0.2, patience=3)


@pytest.fixture(scope="module")
def fitted(numbers):
    return fit_xgboost(numbers, None, SETTINGS, Means(seed=1))


def test_prediction_is_the_librarys_own(fitted, numbers, tmp_path):
    path = tmp_path / FILE
    path.write_bytes(fitted.to_files()[FILE])
    booster = xgboost.Booster(model_file=path)
    np.testing.assert_allclose(
        fitted.probabilities(numbers.columns, 1),
        booster.inplace_predict(numbers.columns),
        atol=1e-6,
    )


def test_fit_is_that_of_the_librarys_classifier(numbers):
    reference = xgboost.XGBClassifier(
        n_estimators=30, learning_rate=0.2, max_depth=0, tree_method="hist", n_jobs=1
    ).fit(numbers.columns, numbers.labels, sample_weight=numbers.weights)
    found = fit_xgboost(numbers, None, SETTINGS, Means()).probabilities(numbers.columns, 1)
    np.testing.assert_allclose(found, reference.predict_proba(numbers.columns), atol=1e-6)
