"""Models that a worker loads at its first task and keeps for the next ones."""

from functools import lru_cache
from pathlib import Path

import torch

from biomap_xr.errors import InputError
from biomap_xr.species.artefact import load_model
from biomap_xr.species.model import SpeciesModel


@lru_cache(maxsize=1)
def loaded(folder: Path, weights: str, device: str) -> SpeciesModel:
    """Load a species model once per process and fingerprint.

    Raises:
        InputError: ``cuda`` was asked for where there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"device {device!r}: this worker sees no GPU; use the profile cluster/local.yaml"
        )
    return load_model(folder, device).eval()
