import numpy as np
import pytest
import torch
from tiny_samples import TINY, tiny_samples

from biomap_xr.fitting import Course, fit, seeded
from biomap_xr.habitats.plantbert.masking import mask_species
from biomap_xr.habitats.plantbert.network import masked_network
from biomap_xr.habitats.plantbert.pretraining import MaskedSpecies, readable
from biomap_xr.habitats.plantbert.settings import PretrainingSettings
from biomap_xr.habitats.plantbert.tokenizer import build_tokenizer, sentence_tokens

SAMPLES = tiny_samples()


def lesson(**settings: object) -> MaskedSpecies:
    tokenizer = build_tokenizer(SAMPLES.assemblages.species)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = masked_network(TINY.network, tokenizer, SAMPLES.habitats)
    tokens = sentence_tokens(tokenizer, SAMPLES.assemblages.species)
    chosen = PretrainingSettings.model_validate({"batch": 16, "learning_rate": 5e-3, **settings})
    return MaskedSpecies(network, SAMPLES.assemblages.sentences, tokens, chosen)


@pytest.mark.parametrize("packing", ["sentence", "concatenate"])
def test_hidden_species_are_guessed_better_with_time(packing: str) -> None:
    made = lesson(packing=packing, share=0.3)
    optimiser = torch.optim.AdamW(made.network.parameters(), lr=made.settings.learning_rate)
    with seeded(0, torch.device("cpu")):
        history = fit(made, Course(epochs=20, seed=0, clip=1.0), optimiser, data=str).history
    early = np.mean([epoch.loss for epoch in history[:5]])
    assert np.mean([epoch.loss for epoch in history[-5:]]) < 0.9 * early
    assert history[0].validation_loss is None
    assert 0 <= history[-1].accuracy <= 1


def test_joined_text_is_cut_to_what_the_network_reads() -> None:
    made = lesson(packing="concatenate")
    sentences = lesson()
    assert made.ids.shape[1] == 16
    assert made.ids.size <= sentences.attention.sum() < made.ids.size + 16
    assert made.steps == -(-len(made.ids) // 16)


def test_the_loss_is_that_of_transformers_for_the_same_gaps() -> None:
    made = lesson()
    made.network.eval()
    rows = np.arange(8)
    step = made.step(rows, np.random.default_rng(5))

    longest = made.lengths[rows].max()
    ids = made.ids[rows, :longest]
    masked = mask_species(ids, made.tokens, 0.15, np.random.default_rng(5))
    labels = torch.from_numpy(np.where(masked.chosen, ids, -100))
    expected = made.network(
        input_ids=torch.from_numpy(masked.ids),
        attention_mask=torch.from_numpy(made.attention[rows, :longest]),
        labels=labels,
    )
    assert float(step.loss.detach()) == pytest.approx(float(expected.loss.detach()), rel=1e-5)
    assert step.of == masked.chosen.sum()


def test_plots_without_species_are_not_read() -> None:
    sentences = np.array([[1, 2], [-1, -1], [0, -1]], np.int32)
    assert readable(sentences).tolist() == [[1, 2], [0, -1]]
