"""A trained perceptron with its temperature, as a model on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import safetensors.torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.learners.arrays import (
    file_of,
    json_from_bytes,
    json_to_bytes,
)
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import PerceptronSettings
from biomap_xr.habitats.ensemble.perceptron import Network, logits_of, train
from biomap_xr.habitats.ensemble.temperature import fit_temperature, tempered

WEIGHTS = "perceptron.safetensors"
CARD = "perceptron.json"


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Probabilities are softmax(temperature * logits)."""

    network: Network
    settings: PerceptronSettings
    shape: dict[str, Any]
    """Numeric columns, categories of each further column, and classes."""
    temperature: float = 1.0
    """Multiplier of logits."""
    course: dict[str, Any] = field(default_factory=dict)
    """How the training went."""

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a perceptron back.

        Raises:
            InputError: A file is missing.
            CorruptError: A file is damaged, or weights and card are of two networks.
        """
        card = json_from_bytes(file_of(files, CARD), CARD)
        content = file_of(files, WEIGHTS)
        try:
            settings = PerceptronSettings.model_validate(card["settings"])
            network = Network(**card["shape"], settings=settings)
            network.load_state_dict(safetensors.torch.load(content))
            temperature = float(card["temperature"])
            course = dict(card["course"])
        except (KeyError, TypeError, ValidationError, SafetensorError, RuntimeError) as error:
            raise CorruptError(
                f"{WEIGHTS} ({len(content)} bytes) and {CARD} do not make a network: "
                f"{str(error).splitlines()[0]}; restore both files or train again"
            ) from error
        return cls(network.eval(), settings, card["shape"], temperature, course)

    def logits(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``, before the temperature."""
        return logits_of(self.network, columns)

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``.

        Args:
            columns: Without NaN.
            threads: Not used: a library's pool cannot be resized within a worker's thread.
        """
        return tempered(self.logits(columns), self.temperature)

    def summary(self) -> dict[str, Any]:
        """Tell the temperature, the epochs and the losses."""
        return {"temperature": self.temperature, **self.course}

    def to_files(self) -> dict[str, bytes]:
        """Return weights as safetensors, and settings, shape and temperature as JSON."""
        state = {
            name: value.detach().cpu().contiguous()
            for name, value in self.network.state_dict().items()
        }
        card = {
            "settings": self.settings.model_dump(mode="json"),
            "shape": self.shape,
            "temperature": self.temperature,
            "course": self.course,
        }
        return {WEIGHTS: safetensors.torch.save(state), CARD: json_to_bytes(card)}


def fit_perceptron(
    problem: Problem, held_out: Problem | None, settings: PerceptronSettings, means: Means
) -> Perceptron:
    """Train a network, then fit its temperature on the held-out rows.

    Without held-out rows the temperature is what the loss trained at: LDAM's scale, else 1.
    """
    network, fitted = train(problem, held_out, settings, means)
    shape = {
        "numeric": problem.columns.shape[1] - len(problem.categories),
        "categories": list(problem.categories),
        "classes": problem.classes,
    }
    temperature = settings.scale if "ldam" in settings.imbalance else 1.0
    if settings.temperature and held_out is not None and len(held_out.labels):
        temperature = fit_temperature(logits_of(network, held_out.columns), held_out.labels)
    course = {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "training_loss": fitted.history[-1].loss,
        "held_out_loss": fitted.lowest,
    }
    return Perceptron(network, settings, shape, temperature, course)
