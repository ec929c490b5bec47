import numpy as np
import pytest
import torch

from biomap_xr.habitats.plantbert import kernels

BFLOAT16 = pytest.param(torch.bfloat16, 2**-8, id="bfloat16")
TYPES = [pytest.param(torch.float32, 3e-6, id="float32"), BFLOAT16]


def bits(x):
    return (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()


def drawn(*shape, dtype=torch.float32, scale=1.0):
    return (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * scale).to(dtype)


@pytest.mark.parametrize(("dtype", "error"), TYPES)
def test_exponentials_are_those_of_numpy(dtype, error):
    x = torch.linspace(-60, 60, 20_001).to(dtype)
    expected = np.exp(x.double().numpy())
    kernels.exponentials(bits(x))
    np.testing.assert_allclose(x.double().numpy(), expected, rtol=error)


def test_rounding_is_to_the_nearest_even_as_torch_has_it():
    # exp(0) is exact, and its neighbours hit halves between two bfloat16.
    x = drawn(5000, dtype=torch.bfloat16, scale=4)
    expected = torch.exp(x.double()).to(torch.bfloat16)
    kernels.exponentials(bits(x))
    assert (x == expected).double().mean() > 0.999


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_largest_is_the_largest_magnitude(dtype):
    x = drawn(100, dtype=dtype)
    x[17] = -8
    assert kernels.largest(bits(x)) == 8
    x[40] = float("nan")
    assert not kernels.largest(bits(x)) <= kernels.LARGEST


def test_look_up_takes_the_row_of_the_bits():
    x = torch.tensor([0.5, -1.0]).to(torch.bfloat16)
    table = np.zeros(2**16, np.uint16)
    table[bits(x)[1]] = 7
    kernels.look_up(bits(x), table)
    assert bits(x).tolist() == [0, 7]


@pytest.mark.parametrize(("dtype", "error"), TYPES)
def test_heads_are_joined_and_divided_by_the_sum_of_their_weights(dtype, error):
    chances, read = drawn(2, 3, 5, 5).abs().to(dtype), drawn(2, 3, 5, 8, dtype=dtype)
    joined = torch.empty(2, 5, 3, 8, dtype=dtype)
    kernels.join_heads(bits(chances), bits(read), bits(joined))
    expected = (read.float() / chances.float().sum(-1, keepdim=True)).transpose(1, 2)
    torch.testing.assert_close(joined.float(), expected, rtol=error, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_adding_and_normalising_is_torchs(dtype):
    x, added = drawn(40, 48), drawn(40, 48, dtype=dtype, scale=3)
    weight, bias = drawn(48) + 1, drawn(48, scale=0.1)
    expected = torch.nn.functional.layer_norm(x + added.float(), (48,), weight, bias, 1e-12)
    kernels.add_and_normalise(x.numpy(), bits(added), weight.numpy(), bias.numpy(), 1e-12)
    torch.testing.assert_close(x, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["widen", "narrow"])
def test_what_only_kernels_know_says_so_elsewhere(name):
    with pytest.raises(NotImplementedError, match=name):
        getattr(kernels, name)(*[1, 2][: 1 if name == "widen" else 2])
