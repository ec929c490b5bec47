from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
import torch
from tiny_model import tiny_model

from biomap_xr.habitats.plantbert import compiled
from biomap_xr.habitats.plantbert.compiled import CompiledPasses, Scratch
from biomap_xr.habitats.plantbert.encoder import TorchPasses
from biomap_xr.habitats.plantbert.weights import Weights

SENTENCES = torch.tensor([[3, 0, 5, 1], [1, 2, 4, 0]])
TYPES = [(torch.float32, 2e-6), (torch.bfloat16, 0.02)]


@pytest.fixture(scope="module")
def weights():
    plain = tiny_model()
    # Norms that nobody trained are trivial.
    torch.manual_seed(0)
    for name, parameter in plain.network.named_parameters():
        if "LayerNorm" in name or "bias" in name:
            torch.nn.init.normal_(parameter, 0.7, 0.3)
    return Weights.of(plain.network, plain.tokens)


def both(weights, dtype):
    first = weights.layers[0].to(dtype)
    return CompiledPasses.of(weights, first), TorchPasses(weights, first)


@pytest.mark.parametrize(("dtype", "error"), TYPES)
def test_looking_up_the_first_layer_is_multiplying(weights, dtype, error):
    fast, plain = both(weights, dtype)
    assert fast.tables is not None
    for found, expected in zip(fast.embed(SENTENCES), plain.embed(SENTENCES), strict=True):
        torch.testing.assert_close(found.float(), expected.float(), rtol=error, atol=error)


@pytest.mark.parametrize("limit", [100, 2**26])
def test_a_single_layer_is_given_its_input_alone(monkeypatch, limit):
    monkeypatch.setattr(compiled, "TABLE_BYTES", limit)
    plain = tiny_model(layers=1)
    fast, reference = both(Weights.of(plain.network, plain.tokens), torch.float32)
    x, attention = fast.embed(SENTENCES)
    assert attention.numel() == reference.embed(SENTENCES)[1].numel() == 0
    torch.testing.assert_close(x, reference.embed(SENTENCES)[0], rtol=2e-6, atol=2e-6)


def test_tables_too_large_are_not_made(weights, monkeypatch):
    monkeypatch.setattr(compiled, "TABLE_BYTES", 100)
    fast, plain = both(weights, torch.float32)
    assert fast.tables is None
    torch.testing.assert_close(fast.embed(SENTENCES), plain.embed(SENTENCES))


@pytest.mark.parametrize(("dtype", "error"), TYPES)
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_reading_is_torchs_also_where_scores_are_large(weights, dtype, error, scale):
    fast, plain = both(weights, dtype)
    attention = (torch.randn(3, 2, 2, 5, 8, generator=torch.Generator().manual_seed(1))).to(dtype)
    attention[0] *= scale
    found, expected = fast.attend(attention), plain.attend(attention)
    # Large scores in bfloat16 are read by torch itself, in either case.
    torch.testing.assert_close(found.float(), expected.float(), rtol=error, atol=error)


@pytest.mark.parametrize(("dtype", "error"), TYPES)
def test_products_activations_and_sums_are_torchs(weights, dtype, error):
    fast, plain = both(weights, dtype)
    layer, x = weights.layers[0].to(dtype), torch.randn(2, 5, 16)
    wide = plain.multiply(layer.wide, x)
    torch.testing.assert_close(fast.multiply(layer.wide, x), wide, rtol=error, atol=error)
    activated = plain.activate(wide.clone())
    torch.testing.assert_close(fast.activate(wide.clone()), activated, rtol=error, atol=error)
    added = plain.multiply(layer.narrow, activated)
    expected = plain.add(x, added, layer.narrow_norm)
    found = fast.add(x.clone(), added, layer.narrow_norm)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_any_activation_is_looked_up(weights):
    relu = replace(weights, activation=torch.relu)
    fast, _ = both(relu, torch.bfloat16)
    x = torch.randn(3, 4, 32).to(torch.bfloat16)
    assert torch.equal(fast.activate(x.clone()), torch.relu(x))


def test_scratch_is_used_again_and_grows():
    scratch = Scratch()
    first = scratch.take("x", (2, 3), torch.float32)
    assert scratch.take("x", (6,), torch.float32).data_ptr() == first.data_ptr()
    assert scratch.take("x", (7,), torch.float32).shape == (7,)
    assert scratch.take("y", (6,), torch.float32).data_ptr() != first.data_ptr()


def test_scratch_is_a_threads_own():
    scratch, found = Scratch(), []
    mine = scratch.take("x", (8,), torch.float32)
    thread = Thread(target=lambda: found.append(scratch.take("x", (8,), torch.float32)))
    thread.start()
    thread.join()
    assert found[0].data_ptr() != mine.data_ptr()
    np.testing.assert_equal(found[0].shape, (8,))
