import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter1d

from biomap_xr.species.encoders.boxes import box_sum


@settings(deadline=None, max_examples=40)
@given(size=st.integers(1, 40), extra=st.integers(0, 30))
def test_equals_direct_sums_for_any_size(size: int, extra: int) -> None:
    x = torch.arange(size + extra, dtype=torch.float64) ** 2
    expected = x.unfold(0, size, 1).sum(-1)
    torch.testing.assert_close(box_sum(x, size, 0), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("axis", [0, 1])
def test_equals_scipy_along_each_axis(axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(30, 31))
    whole = uniform_filter1d(x, 20, axis=axis, origin=0) * 20
    middle = slice(10, 10 + x.shape[axis] - 19)
    expected = whole[middle] if axis == 0 else whole[:, middle]
    np.testing.assert_allclose(box_sum(torch.from_numpy(x), 20, axis).numpy(), expected, atol=1e-12)


def test_float32_keeps_its_digits_far_from_the_start() -> None:
    x = torch.full((4096,), 1000.1, dtype=torch.float32)
    assert float((box_sum(x, 20, 0) / 20 - x[0]).abs().max()) < 1e-3
