import lightgbm
import numpy as np
import pytest

from biomap_xr.habitats.ensemble.learners.lightgbm import FILE, fit_lightgbm
from biomap_xr.habitats.ensemble.learners.protocol import Means
from biomap_xr.habitats.ensemble.learners.settings import LightGBMSettings

SETTINGS = LightGBMSettings(rounds=30, learning_rate=0.2, patience=3)


@pytest.fixture(scope="module")
def fitted(numbers):
    return fit_lightgbm(numbers, None, SETTINGS, Means(seed=1))


def test_prediction_is_the_librarys_own(fitted, numbers, tmp_path):
    path = tmp_path / FILE
    path.write_bytes(fitted.to_files()[FILE])
    booster = lightgbm.Booster(model_file=path)
    np.testing.assert_allclose(
        fitted.probabilities(numbers.columns, 1),
        booster.predict(numbers.columns, num_threads=1),
        atol=1e-6,
    )


def test_fit_is_that_of_the_librarys_classifier(numbers):
    reference = lightgbm.LGBMClassifier(
        n_estimators=30, learning_rate=0.2, n_jobs=1, verbosity=-1, force_row_wise=True
    ).fit(numbers.columns, numbers.labels, sample_weight=numbers.weights)
    found = fit_lightgbm(numbers, None, SETTINGS, Means()).probabilities(numbers.columns, 1)
    # The classifier refuses plain arrays without a warning about names, its booster does not.
    expected = reference.booster_.predict(numbers.columns, num_threads=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
