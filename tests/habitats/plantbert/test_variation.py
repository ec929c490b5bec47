import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.habitats.plantbert.settings import FineTuningSettings
from biomap_xr.habitats.plantbert.variation import (
    hidden_species,
    shuffled_batches,
    varied,
)
from biomap_xr.habitats.sentences import SentenceTokens, check_sentences

SENTENCES = np.array([[4, 2, 0, 1, -1], [3, -1, -1, -1, -1], [0, 1, 2, 3, 4]], np.int32)


def made(seed: int = 0, **settings: object) -> np.ndarray:
    values = FineTuningSettings.model_validate({"jitter": 0.0, **settings})
    return varied(SENTENCES, values, np.random.default_rng(seed))


def test_dominance_keeps_sentences_as_they_are() -> None:
    assert (made() == SENTENCES).all()


@pytest.mark.parametrize("settings", [{"order": "random"}, {"jitter": 0.5}])
def test_species_move_and_none_is_lost(settings: dict[str, object]) -> None:
    moved = [made(seed, **settings) for seed in range(20)]
    for sentences in moved:
        check_sentences(sentences, 5)
        assert (np.sort(sentences, axis=1) == np.sort(SENTENCES, axis=1)).all()
    assert len({sentences.tobytes() for sentences in moved}) > 10


def test_jitter_swaps_the_first_species_more_seldom_than_the_last() -> None:
    moved = np.array([made(seed, jitter=0.2)[2] for seed in range(400)])
    stayed = (moved == SENTENCES[2]).mean(axis=0)
    assert stayed[0] > 0.95 > stayed[3]


@given(share=st.floats(0.0, 0.99), seed=st.integers(0, 50))
def test_dropout_keeps_the_order_and_at_least_the_dominant_species(share, seed) -> None:
    dropped = made(seed, species_dropout=share)
    check_sentences(dropped, 5)
    for before, after in zip(SENTENCES.tolist(), dropped.tolist(), strict=True):
        left = [index for index in after if index >= 0]
        assert left
        assert left == [index for index in before if index in left]
    assert dropped[1].tolist() == [3, -1, -1, -1, -1]


def test_hidden_species_leave_their_rank() -> None:
    tokens = SentenceTokens(2, 3, 5, 0, 4, np.arange(6, 11))
    ids = tokens.encode(np.repeat(SENTENCES, 500, axis=0))[0]
    hidden = hidden_species(ids, tokens, 0.3, np.random.default_rng(0))
    species = np.isin(ids, tokens.species)
    assert (hidden[~species] == ids[~species]).all()
    assert (hidden[species] == tokens.mask).mean() == pytest.approx(0.3, abs=0.03)
    assert hidden_species(ids, tokens, 0.0, np.random.default_rng(0)) is ids


def test_every_row_is_dealt_out_once_among_rows_of_its_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 1000)
    batches = shuffled_batches(lengths, 16, np.random.default_rng(1))
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    assert len(batches) == 63
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < 0.2 * np.ptp(lengths)
    again = shuffled_batches(lengths, 16, np.random.default_rng(2))
    assert any((a != b).any() for a, b in zip(batches, again, strict=True) if len(a) == len(b))
