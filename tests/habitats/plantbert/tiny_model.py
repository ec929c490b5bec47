"""A Pl@ntBERT that nobody trained, of six species and three habitats."""

import torch
from transformers import BertForSequenceClassification

from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.network import configuration
from biomap_xr.habitats.plantbert.settings import NetworkSettings, PlantBertSettings
from biomap_xr.habitats.plantbert.tokenizer import build_tokenizer, sentence_tokens

SPECIES = (
    "agrostis capillaris",
    "carex alba",
    "festuca rubra",
    "lolium perenne",
    "poa annua",
    "rosa canina",
)
HABITATS = ("R1A", "R22", "V37")


def tiny_model(seed: int = 0, **sizes: int) -> HabitatModel:
    """Make one; weights are large, so that its answers differ from sentence to sentence."""
    settings = NetworkSettings(
        **{"hidden": 16, "layers": 2, "heads": 2, "intermediate": 32, "positions": 32, **sizes}
    )
    tokenizer = build_tokenizer(SPECIES, settings.positions)
    config = configuration(settings, tokenizer, HABITATS)
    config.initializer_range = 0.3
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BertForSequenceClassification(config).eval()
    card = HabitatCard(
        habitats=HABITATS,
        species=SPECIES,
        k=6,
        settings=PlantBertSettings(k=6, network=settings),
    )
    return HabitatModel(network, tokenizer, sentence_tokens(tokenizer, SPECIES), card)
