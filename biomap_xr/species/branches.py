"""The published procedure: each branch alone first, then all of them joined and fine-tuned.

The branches trained alone are also the rows of paper 1's table 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.species.assembly import join, widened
from biomap_xr.species.initial import start_at_prevalence
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples
from biomap_xr.species.settings import (
    EnsembleSettings,
    Modality,
    ModalitySettings,
)
from biomap_xr.species.training import Epoch, Progress, train, tune

StageProgress = Callable[[str, Epoch], None]
"""Told the stage (a modality, or ``ensemble``) and how its epoch went."""


def train_branches(
    samples: Samples,
    branches: Mapping[Modality, ModalitySettings],
    settings: EnsembleSettings,
    *,
    progress: StageProgress | None = None,
) -> dict[Modality, SpeciesModel]:
    """Train a model of each modality alone.

    Args:
        samples: Sites, presences and roles.
        branches: Encoder and normalisation of each modality.
        settings: Training of the branches.
        progress: Told after each epoch.

    Returns:
        A trained single-modality model per branch.
    """
    return {
        name: _train_branch(name, samples, branch, settings, progress)
        for name, branch in branches.items()
    }


def _train_branch(
    modality: Modality,
    samples: Samples,
    branch: ModalitySettings,
    settings: EnsembleSettings,
    progress: StageProgress | None,
) -> SpeciesModel:
    """Train one branch, on windows cut small at first where the settings say so."""
    own = settings.by_modality.get(modality, settings.branches)
    report = _of_stage(progress, modality)
    early = settings.early_window if modality == "sentinel2" else None
    samples = samples.only([modality])
    if early is None:
        return train(samples, {modality: branch}, own, progress=report)
    small = replace(samples, inputs={modality: centre(samples.inputs[modality], early.side)})
    first = own.model_copy(update={"epochs": early.epochs})
    model = train(small, {modality: branch}, first, progress=report)
    return tune(widened(model, samples), samples, own, progress=report)


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
    progress: StageProgress | None = None,
) -> SpeciesModel:
    """Join trained branches and fine-tune all parameters.

    Args:
        branches: Single-modality models of one species table.
        samples: The sites they were trained on.
        settings: Fine-tuning and how the joint head starts.
        progress: Told after each epoch.

    Returns:
        The trained ensemble.
    """
    model = join(branches)
    if settings.head == "prevalence":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.ensemble.seed)
            model.head.reset_parameters()
        start_at_prevalence(model, samples)
    return tune(model, samples, settings.ensemble, progress=_of_stage(progress, "ensemble"))


def _of_stage(progress: StageProgress | None, stage: str) -> Progress | None:
    return None if progress is None else lambda epoch: progress(stage, epoch)
