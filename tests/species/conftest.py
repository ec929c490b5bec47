"""Tiny raw inputs and cards for every test of this room."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from biomap_xr.species.card import ModelCard
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import (
    LatticeSettings,
    PublishedSettings,
    SeriesSettings,
    VectorSettings,
)

WINDOW = 34
ENCODERS = {
    "landsat": SeriesSettings(widths=(5, 6)),
    "climate": PublishedSettings(widths=(3, 4, 4, 5)),
    "sentinel2": LatticeSettings(widths=(3, 4, 5, 6), strip=3),
    "predictors": VectorSettings(widths=(4, 3)),
}
SHAPES = {
    "landsat": (6, 4, 21),
    "climate": (4, 19, 12),
    "sentinel2": (4, WINDOW, WINDOW),
    "predictors": (2,),
}
STATISTICS = {
    "landsat": (100.0, 40.0),
    "climate": (3000.0, 900.0),
    "sentinel2": (0.2, 0.1),
    "predictors": (1.0, 2.0),
}


def make_raw(sites: int, seed: int = 0, window: int = WINDOW) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "sentinel2": generator.integers(1, 5000, (sites, 4, window, window)).astype(np.uint16),
        "landsat": generator.integers(0, 240, (sites, 6, 4, 21)).astype(np.uint8),
        "climate": generator.integers(1000, 5000, (sites, 4, 19, 12)).astype(np.uint16),
        "predictors": generator.normal(1, 2, (sites, 2)).astype(np.float32),
    }


def make_card(
    modalities: tuple[str, ...] = tuple(ENCODERS), species: int = 7, **changes
) -> ModelCard:
    values = {
        "modalities": {name: ENCODERS[name] for name in modalities},
        "species_id": tuple(range(10, 10 + species)),
        "species": tuple(f"Species {index}" for index in range(species)),
        "normalisation": {
            name: Normalisation(
                shape=SHAPES[name],
                mean=(STATISTICS[name][0],) * SHAPES[name][0],
                deviation=(STATISTICS[name][1],) * SHAPES[name][0],
            )
            for name in modalities
        },
    }
    return ModelCard(**{**values, **changes})


def make_model(card: ModelCard, seed: int = 0) -> SpeciesModel:
    """Random weights and random running statistics, so that folding has something to fold."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SpeciesModel(card=card)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def raw() -> Callable[..., dict[str, np.ndarray]]:
    return make_raw


@pytest.fixture
def card() -> Callable[..., ModelCard]:
    return make_card


@pytest.fixture
def model() -> Callable[..., SpeciesModel]:
    return make_model
