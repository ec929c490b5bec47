import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.sentences import (
    SentenceTokens,
    Unknown,
    check_sentences,
    sentence_text,
    sentences_of,
)

TOKENS = SentenceTokens(cls=2, sep=3, comma=5, pad=0, mask=4, species=np.arange(6, 16))


def rows(lengths: list[int], k: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    sentences = np.full((len(lengths), k), -1, np.int32)
    for row, length in enumerate(lengths):
        sentences[row, :length] = generator.permutation(10)[:length]
    return sentences


@given(st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_a_sentence_is_framed_and_its_species_are_parted_by_commas(lengths: list[int]) -> None:
    sentences = rows(lengths, 8)
    ids, attention = TOKENS.encode(sentences)
    for row, length in enumerate(lengths):
        words = [6 + index for index in sentences[row, :length]]
        between = [token for word in words for token in (word, 5)][:-1]
        expected = [2, *between, 3]
        assert ids[row].tolist() == expected + [0] * (17 - len(expected))
        assert attention[row].sum() == len(expected)
        assert (attention[row] == (ids[row] != 0)).all()


def test_an_empty_sentence_is_only_its_frame() -> None:
    assert TOKENS.encode(np.array([[-1, -1]]))[0].tolist() == [[2, 3, 0, 0, 0]]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        (np.array([1, 2]), "shape \\(2,\\)"),
        (np.zeros((2, 0), int), "K of 1 or more"),
        (np.zeros((1, 2)), "type float64"),
        (np.array([[10]]), "expected -1 to 9"),
        (np.array([[-2]]), "species -2 to -2"),
        (np.array([[1, -1], [-1, 4]]), "sentence 1 has -1 before a species"),
    ],
)
def test_what_is_no_sentence_is_refused(sentences: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_sentences(sentences, 10)


def test_names_become_sentences_and_back_and_unknown_ones_are_counted() -> None:
    species = ("agrostis capillaris", "festuca rubra", "poa annua")
    assemblages = [["poa annua", "rosa nova", "festuca rubra"], ["rosa nova"], list(species)]
    sentences, unknown = sentences_of(assemblages, species, 2)
    assert sentences.tolist() == [[2, 1], [-1, -1], [0, 1]]
    assert unknown.counts == {"rosa nova": 2}
    assert unknown
    assert sentence_text(sentences[0], species) == "poa annua, festuca rubra"


def test_a_long_list_of_unknown_species_is_cut() -> None:
    message = Unknown({f"rosa nova{number}": 1 for number in range(9)}).message
    assert message.startswith("9 species (9 records)")
    assert message.endswith("'rosa nova4', ...")
    assert not Unknown({})
