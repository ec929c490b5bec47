import numpy as np
import pytest
import torch
from plain_reading import plain_logits
from tiny_model import tiny_model

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert import fast
from biomap_xr.habitats.plantbert.fast import FastClassifier, multiplies_bfloat16


def drawn(count, k=6, seed=0):
    """Draw sentences of 1 to k of six species."""
    generator = np.random.default_rng(seed)
    sentences = generator.permuted(np.tile(np.arange(6, dtype=np.int32), (count, 1)), axis=1)[:, :k]
    lengths = generator.integers(1, k + 1, count)
    return np.where(np.arange(k) < lengths[:, None], sentences, -1)


@pytest.fixture(scope="module")
def model():
    return tiny_model(hidden=32, intermediate=64, layers=2)


@pytest.mark.parametrize("layers", [1, 3])
def test_any_number_of_layers(layers):
    deep = tiny_model(layers=layers)
    sentences = drawn(60)
    expected = plain_logits(deep, sentences).numpy()
    exact = classifier(deep, "float32").read(sentences).logits
    np.testing.assert_allclose(exact, expected, rtol=1e-5, atol=1e-5)
    rounded = classifier(deep, "bfloat16")
    # One layer has no products worth rounding.
    assert (rounded.rounded is None) == (layers == 1)
    np.testing.assert_array_equal(rounded.read(sentences).logits.argmax(1), expected.argmax(1))


def classifier(model, precision):
    return FastClassifier.of(model.network, model.tokens, precision=precision)


def test_float32_is_transformers_whatever_the_lengths(model):
    sentences = drawn(200)
    reading = classifier(model, "float32").read(sentences)
    assert reading.repeated == 0
    expected = plain_logits(model, sentences).numpy()
    np.testing.assert_allclose(reading.logits, expected, rtol=1e-5, atol=1e-5)


def test_bfloat16_names_the_same_habitats(model):
    sentences = drawn(400, seed=1)
    reading = classifier(model, "bfloat16").read(sentences)
    expected = plain_logits(model, sentences).numpy()
    assert 0 < reading.repeated < 400
    np.testing.assert_array_equal(reading.logits.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(reading.logits, expected, atol=0.1)
    assert np.abs(reading.logits - expected).max() > 1e-4


def test_batches_of_any_size_give_the_same(model, monkeypatch):
    sentences = drawn(100)
    expected = classifier(model, "float32").read(sentences).logits
    monkeypatch.setattr(fast, "BATCH_BYTES", 1)
    monkeypatch.setattr(fast, "BATCH_TOKENS", (1, 1))
    found = classifier(model, "float32").read(sentences).logits
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_batches_side_by_side_give_the_same(model, monkeypatch):
    sentences = drawn(100)
    expected = classifier(model, "float32").read(sentences).logits
    threads = torch.get_num_threads()
    monkeypatch.setattr(fast, "BATCH_BYTES", 1)
    monkeypatch.setattr(fast, "BATCH_TOKENS", (64, 64))
    try:
        torch.set_num_threads(3)
        found = classifier(model, "float32").read(sentences).logits
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_every_item_is_worked_on_and_errors_come_through():
    done = []
    fast.side_by_side(done.append, range(20), 3)
    assert sorted(done) == list(range(20))
    with pytest.raises(ZeroDivisionError):
        fast.side_by_side(lambda item: 1 / item, [2, 1, 0, 1], 2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_sentence_and_one(model, precision):
    for count in (0, 1):
        assert classifier(model, precision).read(drawn(count)).logits.shape == (count, 3)


def test_one_habitat_alone_has_no_second():
    assert fast._margins(np.zeros((4, 1), np.float32)).tolist() == [np.inf] * 4


def test_the_type_follows_the_machine(model):
    rounded = classifier(model, "auto").rounded
    assert (rounded is not None) == multiplies_bfloat16("cpu")
    assert classifier(model, "float32").rounded is None


def test_an_empty_sentence_is_refused(model):
    with pytest.raises(InputError, match="sentences have 0 to 2 species; expected 1 to 15"):
        classifier(model, "float32").read(np.array([[1, 2], [-1, -1]]))


def test_a_sentence_longer_than_the_model_reads_is_refused():
    short = tiny_model(positions=13)
    with pytest.raises(InputError, match="sentences have 7 to 7 species; expected 1 to 6"):
        classifier(short, "float32").read(np.array([[0, 1, 2, 3, 4, 5, 0]]))


def test_a_species_that_the_model_lacks_is_refused(model):
    with pytest.raises(InputError, match="expected -1 to 5"):
        classifier(model, "float32").read(np.array([[6]]))


@pytest.mark.gpu
def test_a_gpu_names_the_same_habitats(model):
    sentences = drawn(300, seed=2)
    on_gpu = FastClassifier.of(model.network, model.tokens, device="cuda")
    expected = plain_logits(model, sentences).numpy()
    np.testing.assert_array_equal(on_gpu.read(sentences).logits.argmax(1), expected.argmax(1))
    exact = FastClassifier.of(model.network, model.tokens, device="cuda", precision="float32")
    np.testing.assert_allclose(exact.read(sentences).logits, expected, rtol=1e-4, atol=1e-4)


def test_torch_keeps_no_gradients(model):
    assert torch.is_grad_enabled()
    classifier(model, "float32").read(drawn(2))
    assert torch.is_grad_enabled()
