import numpy as np
import pytest
import torch
from plain_reading import plain_logits
from tiny_model import tiny_model

from biomap_xr.habitats.plantbert.encoder import Encoder, TorchPasses, embed, split_heads
from biomap_xr.habitats.plantbert.weights import Weights


def encoder_of(model, dtype=torch.float32):
    weights = Weights.of(model.network, model.tokens)
    layers = tuple(layer.to(dtype) for layer in weights.layers)
    return Encoder(weights, layers[:-1], TorchPasses(weights, layers[0]))


@pytest.mark.parametrize("length", [1, 2, 6])
@pytest.mark.parametrize(
    "sizes", [{}, {"layers": 1}, {"layers": 3, "hidden": 24, "heads": 3}, {"heads": 1}]
)
def test_logits_are_those_of_transformers(length, sizes):
    model = tiny_model(**sizes)
    sentences = np.random.default_rng(0).permuted(np.tile(np.arange(6), (8, 1)), axis=1)[:, :length]
    logits = encoder_of(model)(torch.from_numpy(sentences))
    expected = plain_logits(model, sentences)
    assert expected.std() > 0.1
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


def test_in_bfloat16_they_are_near():
    model = tiny_model()
    sentences = np.array([[3, 0, 5], [1, 2, 4]])
    logits = encoder_of(model, torch.bfloat16)(torch.from_numpy(sentences))
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, plain_logits(model, sentences), rtol=0.05, atol=0.05)


def test_the_first_input_is_that_of_transformers():
    model = tiny_model()
    sentences = np.array([[3, 0, 5]])
    ids, _ = model.tokens.encode(sentences)
    expected = model.network.bert.embeddings(torch.from_numpy(ids))
    weights = Weights.of(model.network, model.tokens)
    torch.testing.assert_close(embed(weights, torch.from_numpy(sentences)), expected)


def test_heads_are_split_in_the_order_of_the_weights():
    x = torch.arange(12).view(1, 1, 12)
    assert split_heads(x, 2)[:, 0, :, 0].tolist() == [
        [[0, 1], [2, 3]],
        [[4, 5], [6, 7]],
        [[8, 9], [10, 11]],
    ]
