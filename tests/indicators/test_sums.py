"""Mergeable sums: any cutting gives the same answer."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import dask.array as da
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.indicators.sums import IndicatorMaps, Sums

pytestmark = pytest.mark.trust

FLOATS = ("expected", "variance", "low", "high", "any", "status_any")


def block(seed: int, species: int, cells: int) -> tuple[np.ndarray, ...]:
    """Members, probabilities, presences and statuses; some species certain, some impossible."""
    draw = np.random.default_rng(seed)
    probability = draw.beta(0.2, 1.0, (species, cells)).astype(np.float32)
    probability[draw.random(probability.shape) < 0.05] = 1
    probability[draw.random(probability.shape) < 0.05] = 0
    members = np.vstack([np.ones(species, bool), draw.random((2, species)) < 0.4])
    status = draw.integers(1, 8, species).astype(np.uint8)
    return members, probability, probability > 0.3, status


def pieces(arrays: tuple[np.ndarray, ...], cuts: list[int]) -> list[Sums]:
    """Sums of the species between cuts."""
    members, probability, present, status = arrays
    edges = [0, *sorted(cuts), len(status)]
    parts = [slice(a, b) for a, b in pairwise(edges) if b > a]
    return [Sums.of(members[:, s], probability[s], present[s], status[s]) for s in parts]


def assert_same(found: IndicatorMaps, expected: IndicatorMaps) -> None:
    for name in FLOATS:
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-5, rtol=1e-5
        )
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_array_equal(found.most_threatened, expected.most_threatened)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    species=st.integers(1, 40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_any_cutting_and_order_gives_the_same(
    seed: int, species: int, cuts: list[int], order: Random
) -> None:
    arrays = block(seed, species, 5)
    parts = pieces(arrays, [cut for cut in cuts if cut < species])
    order.shuffle(parts)
    total = Sums.zero(3, (5,))
    for part in parts:
        total = total + part
    assert_same(total.value(), Sums.of(*arrays).value())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_zero_is_neutral_and_plus_is_associative(seed: int) -> None:
    a, b, c = pieces(block(seed, 9, 4), [3, 6])
    assert_same((a + b + c).value(), (a + (b + c)).value())
    assert_same((Sums.zero(3, (4,)) + a).value(), a.value())


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_the_compiled_pass_equals_the_formulas(kind: Callable[[np.ndarray], object]) -> None:
    """float32 in memory takes the compiled pass, float64 the formulas."""
    members, probability, present, status = block(4, 9, 24)
    cells = (9, 4, 6)
    found = Sums.of(
        members, kind(probability.reshape(cells)), kind(present.reshape(cells)), status
    ).value()
    doubles = probability.astype(np.float64).reshape(cells)
    expected = Sums.of(members, doubles, present.reshape(cells), status).value()
    assert_same(found, expected)


def test_values_by_hand() -> None:
    probability = np.array([[0.9, 0.0], [0.8, 0.0], [0.1, 0.0]])
    members = np.array([[1, 1, 1], [0, 1, 1]])
    status = np.array([3, 6, 7], dtype=np.uint8)
    maps = Sums.of(members, probability, probability > 0.5, status).value()
    np.testing.assert_allclose(maps.expected, [[1.8, 0], [0.9, 0]], rtol=1e-6)
    np.testing.assert_allclose(maps.any, [[0.982, 0], [0.82, 0]], rtol=1e-6)
    np.testing.assert_array_equal(maps.count, [[2, 0], [1, 0]])
    np.testing.assert_array_equal(maps.most_threatened, [6, 1])
    # LC, NT, VU, EN, CR, unknown
    np.testing.assert_allclose(maps.status_any[:, 0], [0.9, 0, 0, 0.8, 0.1, 0], rtol=1e-6)
    np.testing.assert_allclose(maps.high[:, 0], [1.8 + 2 * 0.34**0.5, 0.9 + 2 * 0.5], rtol=1e-6)


def test_the_types_are_those_of_the_cube() -> None:
    maps = Sums.of(*block(0, 8, 3)).value()
    assert {getattr(maps, name).dtype.name for name in FLOATS} == {"float32"}
    assert maps.count.dtype == np.uint16
    assert maps.most_threatened.dtype == np.uint8


def test_the_interval_holds_the_mean_and_stays_possible() -> None:
    arrays = block(5, 30, 50)
    maps = Sums.of(*arrays).value()
    members = arrays[0].sum(axis=1)[:, None]
    assert (maps.low >= 0).all()
    assert (maps.high <= members).all()
    assert (maps.low <= maps.expected).all()
    assert (maps.expected <= maps.high + 1e-5).all()


@pytest.mark.parametrize("kind", ["dask", "torch"])
def test_other_arrays_give_the_same(kind: str) -> None:
    members, probability, present, status = block(2, 12, 6)
    wrap = torch.as_tensor if kind == "torch" else lambda a: da.from_array(a, chunks=(5, 4))
    halves = [
        Sums.of(members[:, s], wrap(probability[s]), wrap(present[s]), status[s])
        for s in (slice(0, 7), slice(7, 12))
    ]
    found = (halves[0] + halves[1]).value()
    expected = Sums.of(members, probability, present, status).value()
    for name in (*FLOATS, "count", "most_threatened"):
        np.testing.assert_allclose(
            np.asarray(getattr(found, name)), getattr(expected, name), rtol=1e-5, atol=1e-6
        )


def test_blocks_of_different_species_are_refused() -> None:
    members, probability, present, status = block(0, 6, 2)
    with pytest.raises(InputError, match="'members': 5"):
        Sums.of(members[:, :5], probability, present, status)


def test_on_tile_puts_cells_back_and_masks_the_rest() -> None:
    valid = np.array([[True, False], [False, True]])
    maps = Sums.of(*block(0, 6, 2)).value().on_tile(valid)
    assert maps["expected"].shape == (3, 2, 2)
    assert np.isnan(maps["expected"][:, 0, 1]).all()
    assert np.isfinite(maps["expected"][:, 1, 1]).all()
    assert maps["most_threatened"][0, 1] == 0
    assert maps["most_threatened"][0, 0] > 0
    assert maps["count"].dtype == np.uint16


def test_on_tile_hides_indicators_without_a_list() -> None:
    valid = np.ones((1, 2), dtype=bool)
    known = np.array([True, False, True])
    maps = Sums.of(*block(0, 6, 2)).value().on_tile(valid, known)
    assert np.isnan(maps["expected"][1]).all()
    assert (maps["count"][1] == 0).all()
    assert np.isfinite(maps["status_any"]).all()


def test_on_tile_takes_tensors_home() -> None:
    members, probability, present, status = block(1, 6, 3)
    tensors = torch.as_tensor(probability), torch.as_tensor(present)
    valid = np.array([[True, True], [False, True]])
    known = np.array([True, False, True])
    found = Sums.of(members, *tensors, status).value().on_tile(valid, known)
    expected = Sums.of(members, probability, present, status).value().on_tile(valid, known)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)


def test_on_tile_refuses_another_mask() -> None:
    with pytest.raises(InputError, match="hold 2 cells, but 4"):
        Sums.of(*block(0, 6, 2)).value().on_tile(np.ones((2, 2), dtype=bool))
