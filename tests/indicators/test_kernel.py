"""The compiled sums against NumPy in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.indicators import kernel
from biomap_xr.indicators.kernel import CELLS, SPECIES, BlockSums, sum_block

pytestmark = pytest.mark.trust

# unknown, LC, NT, VU, EN, CR in the codes' order; the cube's order has unknown last.
ROWS = {3: 0, 4: 1, 5: 2, 6: 3, 7: 4, 2: 5}


def drawn(seed: int, species: int, cells: int) -> tuple[np.ndarray, ...]:
    draw = np.random.default_rng(seed)
    probability = draw.beta(0.2, 1.0, (species, cells)).astype(np.float32)
    probability[draw.random(probability.shape) < 0.05] = 1
    members = np.vstack([np.ones(species, bool), draw.random((2, species)) < 0.4])
    status = draw.integers(1, 8, species).astype(np.uint8)
    return members, probability, probability > 0.3, status


def by_numpy(
    members: np.ndarray, probability: np.ndarray, present: np.ndarray, status: np.ndarray
) -> BlockSums:
    exact = probability.astype(np.float64)
    logarithm = np.where(exact >= 1, -128.0, np.log1p(-np.minimum(exact, 0.9999999999)))
    of_status = np.zeros((6, len(status)))
    for species, code in enumerate(status):
        if code in ROWS:
            of_status[ROWS[code], species] = 1
    weights = members.astype(float)
    return BlockSums(
        expected=weights @ exact,
        variance=weights @ (exact * (1 - exact)),
        log_none=weights @ logarithm,
        counts=members.astype(int) @ present,
        most_threatened=np.where(present, status[:, None], 1).max(axis=0),
        status_log_none=of_status @ logarithm,
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    species=st.sampled_from([1, 7, SPECIES, SPECIES + 3]),
    cells=st.sampled_from([0, 1, 9, CELLS, CELLS + 5]),
)
def test_equals_numpy_at_every_edge_of_strips_and_blocks(
    seed: int, species: int, cells: int
) -> None:
    arrays = drawn(seed, species, cells)
    found, expected = sum_block(*arrays), by_numpy(*arrays)
    for name, values in expected._asdict().items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=2e-6, atol=2e-6, err_msg=name)


def test_the_logarithm_is_exact_from_the_smallest_to_the_largest_probability() -> None:
    ordinary = np.random.default_rng(0).random(20_000)
    small, large = 10.0 ** np.linspace(-37, -1, 5000), 1 - 10.0 ** np.linspace(-7, -1, 5000)
    probability = np.concatenate([ordinary, small, large, [0.0]]).astype(np.float32)
    probability = probability[probability < 1]
    found = np.empty_like(probability)
    kernel._log_absence(probability, found)
    np.testing.assert_allclose(found, np.log1p(-probability.astype(np.float64)), rtol=4e-7)


def test_a_certain_species_is_finite_and_a_missing_value_stays_missing() -> None:
    probability = np.array([1.0, np.nan], np.float32)
    found = np.empty_like(probability)
    kernel._log_absence(probability, found)
    assert found[0] == -128
    assert np.isnan(found[1])


@pytest.mark.parametrize("order", ["C", "F"])
def test_any_layout_in_memory_gives_the_same(order: str) -> None:
    members, probability, present, status = drawn(3, 9, 40)
    expected = sum_block(members, probability, present, status)
    turned = np.asarray(probability, order=order), np.asarray(present, order=order)
    found = sum_block(members, *turned, status)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
