"""Where an interrupted training goes on: weights, optimiser and course after each epoch.

Random numbers of an epoch depend on the seed and its number alone, so none need to be kept, and a
training that was interrupted ends with the same bits as one that was not.
"""

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.plantbert.artefact import weights_of
from biomap_xr.run.folder import read_folder, write_folder

WEIGHTS = "weights.safetensors"
BEST = "best.safetensors"
OPTIMISER = "optimiser.safetensors"
COURSE = "course.json"


class Epoch(BaseModel):
    """How one epoch went."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    """``pretraining`` or ``fine_tuning``."""
    epoch: int
    """1 for the first."""
    epochs: int
    """Of the stage at most."""
    loss: float
    """Mean over training sentences."""
    validation_loss: float | None = None
    """Mean over validation sentences; None where there are none."""
    accuracy: float | None = None
    """Share of the validation sentences, or of hidden species in training, that were right."""
    seconds: float = 0.0


class Course(BaseModel):
    """How far a stage has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    """Of everything that the stage depends on."""
    history: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    """Whose weights are to be kept; 0 before the first."""
    best_score: float | None = None
    """Of the best epoch, higher is better; None without validation."""

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - self.best_epoch


def write_checkpoint(
    folder: Path,
    course: Course,
    network: Any,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor],
) -> None:
    """Write where a stage is, completely or not at all.

    Args:
        folder: Of this stage; what was there before is removed last.
        course: How far it has come.
        network: With the weights of the last epoch.
        optimiser: With its moments.
        best: Weights of the best epoch.
    """
    state = optimiser.state_dict()["state"]
    moments = {
        f"{number}.{name}": value.detach().cpu().contiguous()
        for number, parameter in state.items()
        for name, value in parameter.items()
    }
    kept = {name: value.cpu().contiguous() for name, value in best.items()}
    files = {
        WEIGHTS: weights_of(network),
        BEST: safetensors.torch.save(kept),
        OPTIMISER: safetensors.torch.save(moments),
        COURSE: course.model_dump_json(indent=1).encode(),
    }
    write_folder(files, folder)


def read_checkpoint(
    folder: Path, fingerprint: str, network: Any, optimiser: torch.optim.Optimizer
) -> tuple[Course, dict[str, Tensor]] | None:
    """Take up a stage where it was left.

    Args:
        folder: Of this stage.
        fingerprint: Of what it depends on now.
        network: Takes the weights of the last epoch.
        optimiser: Takes its moments.

    Returns:
        How far it had come and the weights of its best epoch; None where there is no checkpoint, or
        one of other data or settings, or one that is damaged: the stage then starts anew.
    """
    if not folder.is_dir():
        return None
    try:
        files = read_folder(folder)
    except CorruptError:
        # Nothing is lost but time: what it holds can be computed again.
        return None
    course = Course.model_validate_json(files[COURSE])
    if course.fingerprint != fingerprint:
        return None
    # Tied weights are written once.
    network.load_state_dict(safetensors.torch.load(files[WEIGHTS]), strict=False)
    _load_moments(optimiser, safetensors.torch.load(files[OPTIMISER]))
    return course, safetensors.torch.load(files[BEST])


def _load_moments(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        number, kind = name.split(".", 1)
        state.setdefault(int(number), {})[kind] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
