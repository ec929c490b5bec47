"""Sums against hand-worked values and the paper's example, the same on every kind of array."""

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
import torch
from scipy import stats

from biomap_xr.indicators import formulas

pytestmark = pytest.mark.trust

PAPER = np.array([0.9, 0.8, 0.1] + [0.0] * 7)
KINDS: dict[str, Callable[[Any], Any]] = {
    "numpy": np.asarray,
    "dask": lambda values: da.from_array(values, chunks=(2, *values.shape[1:])),
    "torch": torch.as_tensor,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Makes an array of one kind."""
    return KINDS[request.param]


def test_the_example_of_the_paper() -> None:
    """Paper 1, section 3: 1.8, 2 sigma = 1.166 (printed as 1.1), 98.2%."""
    everyone = np.ones((1, 10))
    assert formulas.expected(everyone, PAPER)[0] == pytest.approx(1.8, abs=1e-12)
    spread = formulas.variance(everyone, PAPER)
    assert spread[0] == pytest.approx(0.09 + 0.16 + 0.09)
    assert 2 * np.sqrt(spread[0]) == pytest.approx(1.166, abs=5e-4)
    chance = formulas.at_least_one(formulas.log_none(everyone, PAPER))
    assert chance[0] == pytest.approx(1 - 0.1 * 0.2 * 0.9)
    low, high = formulas.interval(formulas.expected(everyone, PAPER), spread, np.array([10]))
    assert low[0] == pytest.approx(0.6338, abs=1e-4)
    assert high[0] == pytest.approx(2.9662, abs=1e-4)


def test_every_kind_of_array_gives_the_same(kind: Callable[[Any], Any]) -> None:
    draw = np.random.default_rng(0)
    probability = draw.random((5, 2, 3))
    members = draw.random((3, 5)) < 0.6
    block = kind(probability)
    for formula in (formulas.expected, formulas.variance, formulas.log_none):
        np.testing.assert_allclose(
            np.asarray(formula(members, block)), formula(members, probability), rtol=1e-12
        )
    counted = formulas.count_present(members, kind(probability > 0.5))
    by_hand = (members[:, :, None, None] & (probability > 0.5)[None]).sum(axis=1)
    np.testing.assert_array_equal(np.asarray(counted), by_hand)
    status = np.array([3, 2, 7, 4, 6], dtype=np.uint8)
    worst = formulas.most_threatened(status, kind(probability > 0.5), none=1)
    expected = np.where(probability > 0.5, status[:, None, None], 1).max(axis=0)
    np.testing.assert_array_equal(np.asarray(worst), expected)
    assert np.asarray(worst).dtype == np.uint8


def test_a_certain_species_makes_the_chance_one_and_spoils_no_other(
    kind: Callable[[Any], Any],
) -> None:
    probability = np.array([[1.0], [0.25], [0.0]], dtype=np.float32)
    members = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    chance = np.asarray(formulas.at_least_one(formulas.log_none(members, kind(probability))))
    np.testing.assert_allclose(chance[:, 0], [1.0, 0.25, 0.0], rtol=1e-6)
    assert chance[0, 0] == 1.0


def test_many_certain_species_stay_finite() -> None:
    total = formulas.log_none(np.ones((1, 11_255)), np.ones((11_255, 1), dtype=np.float32))
    assert np.isfinite(total).all()
    assert formulas.at_least_one(total)[0, 0] == 1.0


def test_small_chances_are_kept() -> None:
    """1 - (1 - 1e-9) ** 1000 is lost by a product in float32."""
    probability = np.full((1000, 1), 1e-9, dtype=np.float32)
    chance = formulas.at_least_one(formulas.log_none(np.ones((1, 1000)), probability))
    assert chance[0, 0] == pytest.approx(1e-6, rel=1e-4)


def test_moments_are_those_of_the_poisson_binomial() -> None:
    probability = np.random.default_rng(3).random(40)
    mean, variance = stats.poisson_binom.stats(probability, moments="mv")
    assert formulas.expected(np.ones((1, 40)), probability)[0] == pytest.approx(mean)
    assert formulas.variance(np.ones((1, 40)), probability)[0] == pytest.approx(variance)


def test_the_interval_stays_within_what_can_be_counted() -> None:
    low, high = formulas.interval(np.array([[0.2, 1.9]]), np.array([[0.16, 0.09]]), np.array([2]))
    np.testing.assert_allclose(low, [[0.0, 1.3]])
    np.testing.assert_allclose(high, [[1.0, 2.0]])


def test_float32_of_all_species_of_europe_is_exact_enough() -> None:
    draw = np.random.default_rng(1)
    probability = (draw.random((11_255, 4)) ** 8).astype(np.float32)
    members = np.ones((1, 11_255))
    exact = probability.astype(np.float64).sum(axis=0)
    np.testing.assert_allclose(formulas.expected(members, probability)[0], exact, rtol=1e-5)


def test_dask_sums_never_cut_the_cube_anew() -> None:
    probability = da.random.random((6, 4, 4), chunks=(2, 2, 2))
    total = formulas.expected(np.ones((2, 6)), probability)
    assert total.chunks == ((2,), (2, 2), (2, 2))
    # The table of members is cut to fit the cube; the cube itself is not touched.
    graph = total.__dask_graph__()
    cut = [name for name in graph.layers if name.startswith("rechunk")]
    assert not any(probability.name in graph.dependencies[name] for name in cut)
