import pytest
import torch
from tiny_model import tiny_model
from transformers import BertModel

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.weights import Linear, Norm, Weights
from biomap_xr.habitats.sentences import SentenceTokens


@pytest.fixture(scope="module")
def plain():
    return tiny_model()


@pytest.fixture(scope="module")
def weights(plain):
    return Weights.of(plain.network, plain.tokens)


def test_only_the_rows_of_species_and_marks_are_kept(plain, weights):
    words = plain.network.bert.embeddings.word_embeddings.weight
    torch.testing.assert_close(weights.species, words[plain.tokens.species])
    torch.testing.assert_close(weights.marks[1], words[plain.tokens.comma])
    assert (weights.hidden, weights.intermediate, weights.habitats) == (16, 32, 3)
    assert weights.longest == 15  # 31 of 32 positions


def test_queries_are_scaled_and_stand_before_keys_and_values(plain, weights):
    x = torch.randn(5, 16)
    attention = plain.network.bert.encoder.layer[1].attention.self
    query, key, value = weights.layers[1].attention(x).split(16, dim=1)
    torch.testing.assert_close(query, attention.query(x) * 8**-0.5)
    torch.testing.assert_close(key, attention.key(x))
    torch.testing.assert_close(value, attention.value(x))


def test_they_are_copies_that_no_training_changes(plain, weights):
    assert not weights.species.requires_grad
    own = weights.classifier.weight
    assert own.data_ptr() != plain.network.classifier.weight.data_ptr()


def test_only_products_change_their_type(weights):
    layer = weights.layers[0].to(torch.bfloat16)
    assert layer.wide.weight.dtype == layer.attention.bias.dtype == torch.bfloat16
    assert layer.narrow_norm.weight.dtype == torch.float32


def test_linear_and_norm_are_torchs():
    torch.manual_seed(0)
    linear, norm, x = torch.nn.Linear(4, 3), torch.nn.LayerNorm(4), torch.randn(2, 4)
    torch.testing.assert_close(Linear(linear.weight, linear.bias)(x), linear(x))
    torch.testing.assert_close(Norm(norm.weight, norm.bias, norm.eps)(x), norm(x))


def test_a_model_that_is_no_classifier_is_refused(plain):
    with pytest.raises(InputError, match="expected a BertForSequenceClassification"):
        Weights.of(BertModel(plain.network.config), plain.tokens)


def test_a_tokenizer_of_another_model_is_refused(plain):
    tokens = SentenceTokens(2, 3, 5, 0, 4, plain.tokens.species + 100)
    with pytest.raises(InputError, match=f"for a model of {plain.network.config.vocab_size}"):
        Weights.of(plain.network, tokens)


def test_what_is_no_bert_is_named(plain):
    with pytest.raises(InputError, match="'Linear'"):
        Weights.of(torch.nn.Linear(2, 2), plain.tokens)
