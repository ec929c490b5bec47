from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizerFast

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.tokenizer import (
    add_species,
    build_tokenizer,
    check_names,
    load_tokenizer,
    sentence_tokens,
    species_of,
)
from biomap_xr.habitats.sentences import sentence_text

# One name is the beginning of another, and one has a hyphen.
SPECIES = (
    "agrostis capillaris",
    "carex alba",
    "carex albata",
    "festuca rubra",
    "capsella bursa-pastoris",
    "poa annua",
)
BUILT = build_tokenizer(SPECIES)
ENGLISH = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", "a", "carex", "##x", "al", "##ba", "-"),
]


def published() -> BertTokenizerFast:
    """Words of English in pieces, and species added, as the published tokenizer is made."""
    words = {word: number for number, word in enumerate(ENGLISH)}
    tokenizer = BertTokenizerFast(vocab=words, do_lower_case=True)
    add_species(tokenizer, SPECIES)
    return tokenizer


PUBLISHED = published()


@pytest.mark.parametrize("tokenizer", [BUILT, PUBLISHED], ids=["built", "published"])
@given(sentence=st.lists(st.integers(0, len(SPECIES) - 1), max_size=20))
@settings(deadline=None)
def test_a_text_and_its_sentence_have_the_same_ids(tokenizer, sentence: list[int]) -> None:
    tokens = sentence_tokens(tokenizer, SPECIES)
    row = np.array([*sentence, -1])
    ids, attention = tokens.encode(row[None])
    text = sentence_text(row, SPECIES)
    expected = tokenizer(text)
    assert ids[0][attention[0] == 1].tolist() == list(expected.input_ids)
    assert ids[0][attention[0] == 0].tolist() == [tokenizer.pad_token_id] * int(
        (attention == 0).sum()
    )


def test_capitals_and_spaces_around_commas_do_not_matter() -> None:
    assert BUILT("Poa annua ,Carex alba").input_ids == BUILT("poa annua, carex alba").input_ids


def test_an_unknown_species_is_one_unknown_token_and_a_mask_a_mask() -> None:
    assert BUILT("poa annua, rosa nova, [MASK]").input_ids == [2, 11, 5, 1, 5, 4, 3]


def test_a_saved_tokenizer_is_read_by_plain_transformers(tmp_path: Path) -> None:
    BUILT.save_pretrained(tmp_path)
    read = AutoTokenizer.from_pretrained(tmp_path)
    text = ", ".join(SPECIES)
    assert read(text).input_ids == BUILT(text).input_ids
    assert read.model_max_length == 512
    assert species_of(load_tokenizer(tmp_path)) == SPECIES


def test_the_published_kind_knows_its_species_and_no_other_words() -> None:
    assert species_of(PUBLISHED) == SPECIES
    assert add_species(published(), ["poa annua", "rosa nova"]) == ("rosa nova",)


@pytest.mark.parametrize(
    "names", [["Poa annua"], ["poa annua, poa"], [""], [" poa annua"], ["[mask]"], []]
)
def test_a_name_that_cannot_be_a_token_is_refused(names: list[str]) -> None:
    with pytest.raises(InputError, match=r"cannot be a token|0 species"):
        check_names(names)


def test_a_species_that_occurs_twice_is_named() -> None:
    with pytest.raises(InputError, match=r"more than once \(\['poa annua'\]\)"):
        build_tokenizer(["poa annua", "rosa canina", "poa annua"])


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"has no tokenizer.*model.safetensors"):
        load_tokenizer(tmp_path)


def test_a_model_that_is_not_on_this_machine_is_refused() -> None:
    with pytest.raises(InputError, match=r"'nobody/no-such-plantbert'.*allow downloads"):
        load_tokenizer("nobody/no-such-plantbert")


def test_species_that_are_no_tokens_are_counted_and_named() -> None:
    with pytest.raises(InputError, match=r"1 of 2 species are no tokens.*'rosa nova'"):
        sentence_tokens(BUILT, ["poa annua", "rosa nova"])


def test_a_tokenizer_of_english_has_no_species() -> None:
    words = {word: number for number, word in enumerate(ENGLISH)}
    with pytest.raises(InputError, match=r"12 tokens and none is a species"):
        species_of(BertTokenizerFast(vocab=words))


def test_a_tokenizer_that_reads_a_text_otherwise_is_refused() -> None:
    wrong = build_tokenizer(SPECIES)
    wrong.backend_tokenizer.post_processor = None
    with pytest.raises(InputError, match=r"expected \[2, 6, 5,.*one token a species"):
        sentence_tokens(wrong, SPECIES)


@pytest.mark.parametrize(("name", "message"), [("cls_token", "no cls_token")])
def test_a_tokenizer_without_a_frame_is_refused(name: str, message: str) -> None:
    wrong = build_tokenizer(SPECIES)
    setattr(wrong, name, None)
    with pytest.raises(InputError, match=message):
        sentence_tokens(wrong, SPECIES)


def test_a_tokenizer_without_a_comma_is_refused() -> None:
    words = {word: number for number, word in enumerate(w for w in ENGLISH if w != ",")}
    tokenizer = BertTokenizerFast(vocab=words)
    add_species(tokenizer, SPECIES)
    with pytest.raises(InputError, match=r"has no comma"):
        sentence_tokens(tokenizer, SPECIES)
