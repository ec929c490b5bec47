from pathlib import Path

import pytest
import torch
from tiny_model import HABITATS, SPECIES, tiny_model
from transformers import BertForMaskedLM, DistilBertConfig

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.network import (
    classifying_network,
    masked_network,
    published_network,
    rank_curves,
    read_configuration,
)
from biomap_xr.habitats.plantbert.settings import NetworkSettings
from biomap_xr.habitats.plantbert.tokenizer import add_species, build_tokenizer

SIZES = NetworkSettings(hidden=16, layers=1, heads=2, intermediate=32, positions=32)


def test_a_new_network_has_the_sizes_and_the_tokens() -> None:
    network = masked_network(SIZES, build_tokenizer(SPECIES), HABITATS)
    assert network.config.vocab_size == len(SPECIES) + 6
    assert network.bert.embeddings.position_embeddings.weight.shape == (32, 16)
    assert network.config.id2label == dict(enumerate(HABITATS))


def test_neighbouring_ranks_start_alike_and_the_more_so_further_down() -> None:
    curves = rank_curves(512, 64)
    step = (curves[1:] - curves[:-1]).norm(dim=1)
    assert (step[4:] < step[3:-1]).float().mean() > 0.9
    assert curves.square().mean() == pytest.approx(1, abs=0.01)
    assert rank_curves(8, 9).shape == (8, 9)


def test_the_second_stage_keeps_the_body_of_the_first() -> None:
    masked = masked_network(SIZES, build_tokenizer(SPECIES), HABITATS)
    network = classifying_network(masked, HABITATS)
    body = masked.bert.state_dict()
    assert all(torch.equal(network.bert.state_dict()[name], body[name]) for name in body)
    assert network.config.num_labels == 3
    assert network.classifier.weight.shape == (3, 16)


def test_a_published_network_grows_by_the_species_that_it_lacks(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(SPECIES)
    published = masked_network(SIZES, tokenizer, HABITATS)
    published.save_pretrained(tmp_path)
    add_species(tokenizer, [*SPECIES, "rosa nova"])
    grown = masked_network(NetworkSettings(name_or_path=str(tmp_path)), tokenizer, HABITATS)
    words = grown.bert.embeddings.word_embeddings.weight
    assert words.shape == (13, 16)
    assert torch.equal(words[:12], published.bert.embeddings.word_embeddings.weight)


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    DistilBertConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="is of type 'distilbert', expected 'bert'"):
        read_configuration(str(tmp_path))


def test_a_network_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model could be loaded"):
        read_configuration(str(tmp_path / "none"))


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    tiny_model().network.config.save_pretrained(tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="a pickle can run any code"):
        published_network(BertForMaskedLM, str(tmp_path))


def test_weights_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    tiny_model().network.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"its weights are damaged .* download it again"):
        published_network(BertForMaskedLM, str(tmp_path))
