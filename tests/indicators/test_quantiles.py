"""Exact quantiles against scipy's Poisson binomial."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from biomap_xr.errors import InputError
from biomap_xr.indicators.quantiles import cumulative, probability_mass, quantile


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_mass_and_cumulative_are_scipys(chances: list[float]) -> None:
    probability = np.array(chances)
    numbers = np.arange(len(chances) + 1)
    theirs = stats.poisson_binom(probability)
    np.testing.assert_allclose(probability_mass(probability), theirs.pmf(numbers), atol=1e-12)
    np.testing.assert_allclose(cumulative(probability), theirs.cdf(numbers), atol=1e-12)


@pytest.mark.parametrize("level", [0.025, 0.1, 0.5, 0.9, 0.975])
def test_quantiles_are_scipys_in_every_cell(level: float) -> None:
    probability = np.random.default_rng(4).beta(0.4, 1.2, (60, 3, 4))
    found = quantile(probability, level)
    assert found.shape == (3, 4)
    assert found.dtype == np.int32
    for cell in np.ndindex(3, 4):
        assert found[cell] == stats.poisson_binom.ppf(level, probability[(slice(None), *cell)])


def test_certain_and_impossible_species() -> None:
    probability = np.array([1.0, 1.0, 0.0])
    assert probability_mass(probability).tolist() == [0, 0, 1, 0]
    assert [int(quantile(probability, level)) for level in (0.01, 0.5, 0.99)] == [2, 2, 2]


def test_fair_coins_by_hand() -> None:
    """Levels that a sum of the distribution equals exactly: the smallest such number is the
    quantile."""
    coins = np.array([0.5, 0.5])
    assert [int(quantile(coins, level)) for level in (0.25, 0.26, 0.75, 0.76, 1.0)] == [
        0,
        1,
        1,
        2,
        2,
    ]


def test_torch_gives_the_same() -> None:
    probability = np.random.default_rng(0).random((12, 5))
    theirs = quantile(torch.as_tensor(probability), 0.9)
    np.testing.assert_array_equal(np.asarray(theirs), quantile(probability, 0.9))


def test_no_species_no_number() -> None:
    assert quantile(np.zeros((0, 2)), 0.975).tolist() == [0, 0]


@pytest.mark.parametrize("level", [-0.1, 1.01, float("nan")])
def test_an_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="does not exist"):
        quantile(np.array([0.5]), level)
