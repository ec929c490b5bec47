"""Plots of three habitats, each with its own dominant species and some that they share."""

import numpy as np
from scipy.sparse import csr_array
from tiny_model import HABITATS, SPECIES

from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples, ranked
from biomap_xr.habitats.plantbert.settings import PlantBertSettings

NONE = np.array([], np.int64)
TINY = PlantBertSettings.model_validate(
    {
        "k": 6,
        "network": {"hidden": 16, "layers": 1, "heads": 2, "intermediate": 32, "positions": 16},
        "pretraining": {"epochs": 2, "batch": 16, "learning_rate": 3e-3},
        "fine_tuning": {"epochs": 16, "batch": 8, "learning_rate": 1e-2},
        "threads": 1,
    }
)


def tiny_samples(plots: int = 90, seed: int = 0) -> Samples:
    """Make samples; the species of most cover tells the habitat, and every fifth has no label."""
    generator = np.random.default_rng(seed)
    label = np.arange(plots) % len(HABITATS)
    cover = generator.uniform(1, 20, (plots, len(SPECIES))).astype(np.float32)
    cover *= generator.random(cover.shape) < 0.6
    cover[np.arange(plots), 2 * label] = 50
    amounts = csr_array(cover)
    assemblages = Assemblages(ranked(amounts, 6), amounts, SPECIES)
    return Samples(assemblages, np.where(np.arange(plots) % 5 == 4, -1, label), HABITATS)


def tiny_roles(plots: int = 90, validation: int = 15) -> Roles:
    """Let the first 60 train, the last be judged and some between validate."""
    rows = np.arange(plots)
    return Roles(rows[:60], rows[60 : 60 + validation], NONE, rows[60 + validation :], NONE)
