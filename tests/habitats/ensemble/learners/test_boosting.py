"""What all three libraries of boosting promise; what is of one library is in its own tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.learners import catboost, lightgbm, xgboost
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    LightGBMSettings,
    XGBoostSettings,
)

BRIEF = {"rounds": 30, "learning_rate": 0.2, "patience": 3}


@dataclass(frozen=True)
class Library:
    file: str
    kind: Any
    fit_with: Callable[..., Any]
    settings: Any
    unseen: float
    """Code of a category that training never had."""

    def fit(self, problem, held_out=None, seed=0):
        return self.fit_with(problem, held_out, self.settings, Means(seed=seed))


LIBRARIES = {
    "catboost": Library(
        catboost.FILE, catboost.CatBoost, catboost.fit_catboost, CatBoostSettings(**BRIEF), -2
    ),
    "lightgbm": Library(
        lightgbm.FILE,
        lightgbm.LightGBM,
        lightgbm.fit_lightgbm,
        LightGBMSettings(**BRIEF),
        np.nan,
    ),
    "xgboost": Library(
        xgboost.FILE, xgboost.XGBoost, xgboost.fit_xgboost, XGBoostSettings(**BRIEF), np.nan
    ),
}


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request):
    return LIBRARIES[request.param]


@pytest.fixture(scope="module")
def fitted(library, numbers):
    return library.fit(numbers, seed=1)


@pytest.fixture(scope="module")
def mixed():
    """Give three numbers with missing values and two categories of five and three."""
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(300, 5)).astype(np.float32)
    columns[:, 3], columns[:, 4] = generator.integers(0, 5, 300), generator.integers(0, 3, 300)
    labels = np.isin(columns[:, 3], [1, 3]).astype(np.int64) + (columns[:, 0] > 1)
    columns[::7, 1] = np.nan
    return Problem(columns, labels, np.ones(300), 3, (5, 3))


def test_rows_sum_to_1(fitted, numbers):
    probability = fitted.probabilities(numbers.columns, 1)
    assert probability.shape == (len(numbers.labels), 3)
    assert probability.dtype == np.float64
    assert probability.min() >= 0
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_reload_gives_the_same_bit_by_bit(library, fitted, numbers):
    again = library.kind.from_files(fitted.to_files())
    np.testing.assert_array_equal(
        again.probabilities(numbers.columns, 1), fitted.probabilities(numbers.columns, 2)
    )
    assert again.to_files() == fitted.to_files()
    assert again.summary() == fitted.summary() == {"rounds": 30}


def test_equal_seeds_give_equal_bytes(library, fitted, numbers):
    assert library.fit(numbers, seed=1).to_files() == fitted.to_files()


def test_boosting_stops_on_held_out_rows(library, numbers):
    # Labels in another order: what is learned is of no use there.
    order = np.random.default_rng(0).permutation(len(numbers.labels))
    stopped = library.fit(numbers, replace(numbers, labels=numbers.labels[order]))
    assert stopped.summary()["rounds"] < 10
    again = library.kind.from_files(stopped.to_files())
    np.testing.assert_array_equal(
        again.probabilities(numbers.columns, 1), stopped.probabilities(numbers.columns, 1)
    )


def test_weights_favour_their_class(library, numbers):
    heavy = replace(numbers, weights=1.0 + 20 * (numbers.labels == 0))
    even = replace(numbers, weights=np.ones(len(numbers.labels)))
    plain, gained = (
        library.fit(each).probabilities(numbers.columns, 1)[:, 0].mean() for each in (even, heavy)
    )
    assert gained > plain


def test_categories_and_missing_values_are_learned(library, mixed):
    model = library.fit(mixed)
    again = library.kind.from_files(model.to_files())
    found = again.probabilities(mixed.columns, 1)
    assert (found.argmax(axis=1) == mixed.labels).mean() > 0.95
    np.testing.assert_array_equal(found, model.probabilities(mixed.columns, 1))


def test_unseen_categories_have_probabilities(library, mixed):
    columns = mixed.columns[:2].copy()
    columns[:, 3] = library.unseen
    np.testing.assert_allclose(library.fit(mixed).probabilities(columns, 1).sum(axis=1), 1)


def test_few_rows_are_enough(library):
    few = Problem(np.arange(4, dtype=np.float32)[:, None], np.array([0, 1, 0, 1]), np.ones(4), 2)
    probability = library.fit(few, few).probabilities(few.columns, 1)
    assert probability.shape == (4, 2)
    assert np.isfinite(probability).all()


def test_missing_and_damaged_files_are_told(library, fitted):
    file = library.file
    with pytest.raises(InputError, match=f"expected {file}"):
        library.kind.from_files({})
    content = fitted.to_files()[file]
    cut_short = (content[: len(content) // part] for part in (2, 5, 10, 10_000))
    for damaged in (b"", b"junk" * 100, *cut_short):
        with pytest.raises(CorruptError, match=f"{file}: {len(damaged)} bytes"):
            library.kind.from_files({file: damaged})
