import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.habitats.plantbert.masking import blocks_of_text, mask_species
from biomap_xr.habitats.sentences import SentenceTokens

# The ids of species are scattered, as in a published vocabulary.
TOKENS = SentenceTokens(cls=2, sep=3, comma=5, pad=0, mask=4, species=np.array([7, 19, 8, 40]))


def text(rows: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    sentences = generator.integers(0, 4, (rows, 6))
    sentences[::2, 3:] = -1
    return TOKENS.encode(sentences)[0]


@given(rows=st.integers(1, 30), share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_only_species_are_chosen_and_only_chosen_ones_are_changed(rows, share, seed) -> None:
    ids = text(rows, seed)
    masked = mask_species(ids, TOKENS, share, np.random.default_rng(seed))
    species = np.isin(ids, TOKENS.species)
    assert not (masked.chosen & ~species).any()
    assert (masked.ids == ids)[~masked.chosen].all()
    assert np.isin(masked.ids[masked.chosen], [TOKENS.mask, *TOKENS.species]).all()
    assert masked.chosen.any()


def test_shares_are_the_published_ones() -> None:
    ids = text(20_000, 0)
    masked = mask_species(ids, TOKENS, 0.15, np.random.default_rng(0))
    species = np.isin(ids, TOKENS.species)
    assert masked.chosen.sum() / species.sum() == pytest.approx(0.15, abs=0.004)
    shown = masked.ids[masked.chosen]
    assert (shown == TOKENS.mask).mean() == pytest.approx(0.8, abs=0.01)
    # One of four replacements is the species itself.
    changed = (shown != ids[masked.chosen]) & (shown != TOKENS.mask)
    assert changed.mean() == pytest.approx(0.1 * 3 / 4, abs=0.01)
    kinds = np.unique(shown[changed], return_counts=True)[1]
    assert kinds == pytest.approx(np.full(4, changed.sum() / 4), rel=0.15)


def test_the_same_seed_hides_the_same() -> None:
    ids = text(50, 0)
    one, two = (mask_species(ids, TOKENS, 0.15, np.random.default_rng(3)) for _ in range(2))
    assert (one.ids == two.ids).all()


def test_a_text_without_species_has_no_gap() -> None:
    ids = np.array([[2, 3, 0]])
    assert not mask_species(ids, TOKENS, 0.5, np.random.default_rng(0)).chosen.any()


def test_blocks_hold_the_text_without_padding_in_order() -> None:
    ids, attention = TOKENS.encode(np.array([[0, 1, 2], [3, -1, -1], [1, 2, -1]]))
    joined = [2, 7, 5, 19, 5, 8, 3, 2, 40, 3, 2, 19, 5, 8, 3]
    assert blocks_of_text(ids, attention, 5).ravel().tolist() == joined
    assert blocks_of_text(ids, attention, 4).ravel().tolist() == joined[:12]
    assert blocks_of_text(ids, attention, 512).tolist() == [joined]
