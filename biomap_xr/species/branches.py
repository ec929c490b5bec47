"""The published procedure: each branch alone first, then all of them joined and fine-tuned.

The branches trained alone are also the rows of paper 1's table 1.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.fitting import UNWATCHED, Watching
from biomap_xr.species.assembly import join, widened
from biomap_xr.species.initial import start_at_prevalence
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples
from biomap_xr.species.settings import EnsembleSettings, Modality, ModalitySettings
from biomap_xr.species.training import train, tune

TOGETHER = "ensemble"
"""What listeners are told that the joined model is; a branch has the name of its modality."""


def train_branch(
    modality: Modality,
    samples: Samples,
    branch: ModalitySettings,
    settings: EnsembleSettings,
    *,
    watching: Watching = UNWATCHED,
    device: str = "cpu",
) -> SpeciesModel:
    """Train a model of one modality alone, on windows cut small at first if settings say so.

    Args:
        modality: What it reads.
        samples: Sites, presences and roles.
        branch: Encoder and normalisation.
        settings: Training of the branches.
        watching: Listener and checkpoint.
        device: Where to train.

    Raises:
        InputError: The early windows are larger than the samples', or as in `train`.
    """
    own = settings.by_modality.get(modality, settings.branches)
    early = settings.early_window if modality == "sentinel2" else None
    samples, encoders = samples.only([modality]), {modality: branch}
    if early is None:
        return train(samples, encoders, own, stage=modality, watching=watching, device=device)
    small = replace(samples, inputs={modality: centre(samples.inputs[modality], early.side)})
    first = own.model_copy(update={"epochs": early.epochs})
    before, after = watching.within("early"), watching.within("whole")
    model = train(small, encoders, first, stage=modality, watching=before, device=device)
    wide = widened(model, samples)
    return tune(wide, samples, own, stage=modality, watching=after, device=device)


def centre(windows: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """Cut the middle out of windows, as a view.

    Args:
        windows: ``(n, channels, window, window)``.
        side: Pixels to keep.

    Returns:
        ``(n, channels, side, side)``, around the same place.

    Raises:
        InputError: The windows are smaller than that.

    >>> centre(np.arange(16).reshape(1, 1, 4, 4), 2).ravel()
    array([ 5,  6,  9, 10])
    """
    window = windows.shape[-1]
    if side > window:
        raise InputError(
            f"sentinel2: windows of {window} pixels cannot be cut to {side}, expected at most "
            f"{window}; lower early_window.side"
        )
    start = window // 2 - side // 2
    return windows[..., start : start + side, start : start + side]


def train_ensemble(
    branches: Mapping[Modality, SpeciesModel],
    samples: Samples,
    settings: EnsembleSettings,
    *,
    watching: Watching = UNWATCHED,
    device: str = "cpu",
) -> SpeciesModel:
    """Join trained branches and fine-tune all parameters.

    Args:
        branches: Single-modality models of one species table.
        samples: The sites they were trained on.
        settings: Fine-tuning and how the joint head starts.
        watching: Listener and checkpoint.
        device: Where to train.

    Returns:
        The trained ensemble.
    """
    model = join(branches)
    if settings.head == "prevalence":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.ensemble.seed)
            model.head.reset_parameters()
        start_at_prevalence(model, samples)
    together = settings.ensemble
    return tune(model, samples, together, stage=TOGETHER, watching=watching, device=device)
