from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_model import HABITATS, SPECIES, tiny_model
from transformers import BertForSequenceClassification

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.model import HabitatModel, by_length, published_model
from biomap_xr.habitats.sentences import sentence_text

SENTENCES = np.array([[0, 1, 2, 3, 4, 5], [5, 2, -1, -1, -1, -1], [3, -1, -1, -1, -1, -1]])


def test_probabilities_are_those_of_the_network_for_the_text(model: HabitatModel) -> None:
    given = model.predict_proba(SENTENCES, batch=2)
    for row, sentence in enumerate(SENTENCES):
        text = model.tokenizer(sentence_text(sentence, SPECIES), return_tensors="pt")
        with torch.no_grad():
            expected = model.network(**text).logits.softmax(dim=-1)[0].numpy()
        np.testing.assert_allclose(given[row], expected, atol=1e-6)
    assert given.dtype == np.float32
    np.testing.assert_allclose(given.sum(axis=1), 1, rtol=1e-6)


def test_batches_are_of_similar_length_and_hold_every_sentence_once() -> None:
    batches = list(by_length(SENTENCES, 2))
    assert [part.shape for _, part in batches] == [(2, 2), (1, 6)]
    assert sorted(row for rows, _ in batches for row in rows) == [0, 1, 2]


def test_no_sentence_is_no_probability(model: HabitatModel) -> None:
    assert model.predict_proba(SENTENCES[:0]).shape == (0, 3)


def test_a_sentence_that_the_network_cannot_read_is_refused(model: HabitatModel) -> None:
    with pytest.raises(
        InputError, match=r"16 species are 33 tokens, the network reads 32.*most 15"
    ):
        model.predict_proba(np.zeros((1, 16), int))


def test_another_table_of_species_is_refused(model: HabitatModel) -> None:
    model.require_species(SPECIES)
    with pytest.raises(InputError, match=r"1 are not in its vocabulary \(\['rosa nova'\]\)"):
        model.require_species((*SPECIES[1:], "rosa nova"))


def test_a_published_model_is_read_with_its_species_and_habitats(tmp_path: Path) -> None:
    model = tiny_model()
    # Outputs of published models are sorted by their text, which need not be the map's order.
    turned = BertForSequenceClassification(model.network.config)
    turned.load_state_dict(model.network.state_dict())
    with torch.no_grad():
        turned.classifier.weight.copy_(model.network.classifier.weight.flip(0))
        turned.classifier.bias.copy_(model.network.classifier.bias.flip(0))
    turned.config.id2label = dict(enumerate(reversed(HABITATS)))
    turned.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    read = published_model(tmp_path)
    assert (read.card.species, read.card.habitats, read.card.k) == (SPECIES, HABITATS, 15)
    np.testing.assert_allclose(
        read.predict_proba(SENTENCES), model.predict_proba(SENTENCES), atol=1e-6
    )


def test_a_published_model_without_habitats_is_refused(tmp_path: Path) -> None:
    model = tiny_model()
    model.network.config.id2label = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    model.network.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"outputs are \['LABEL_0'.*expected EUNIS codes"):
        published_model(tmp_path)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (("R22", "R22!", "T17"), "R22 names several of the 3 outputs; expected each code once"),
        (("T1J", "R22", "T1K"), "T1J and T1K both have the number 7119"),
    ],
)
def test_a_published_model_that_names_a_habitat_twice_is_refused(
    tmp_path: Path, outputs: tuple[str, ...], said: str
) -> None:
    model = tiny_model()
    model.network.config.id2label = dict(enumerate(outputs))
    model.network.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=said):
        published_model(tmp_path)


def test_without_any_species_no_habitat_is_named(model: HabitatModel) -> None:
    some = np.array([[-1, -1], [3, -1], [-1, -1], [5, 2]])
    given = model.predict_proba(some, batch=1)
    assert np.isnan(given).all(axis=1).tolist() == [True, False, True, False]
    np.testing.assert_array_equal(given[[1, 3]], model.predict_proba(some[[1, 3]], batch=1))
