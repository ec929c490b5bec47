"""What finished ensembles say of plots of other sources: each formation's plots are a task."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.ensemble.artefact import load_ensemble
from biomap_xr.habitats.ensemble.learners.arrays import arrays_from_bytes, arrays_to_bytes
from biomap_xr.habitats.ensemble.prediction import predict_formation
from biomap_xr.habitats.ensemble.voters import ENSEMBLE, FormationEnsemble
from biomap_xr.run import Outcome, Task, fingerprint_of, recorded
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish

Probabilities = dict[str, NDArray[np.float32]]
"""``(plot, class)`` by the name of a learner, or of all voters together."""
KERNEL = 1
"""Raised when the same ensemble says other things of the same plots."""


@dataclass(frozen=True)
class Asked:
    """An ensemble and the predictors of plots that it is asked about, as they travel."""

    name: str
    """Of the formation and the external data."""
    ensemble: Path
    weights: str
    """Fingerprint of its files."""
    folder: Path
    """Of predictors and answers."""

    def task(self, values: NDArray[np.float32], data: str) -> Task:
        """Write the predictors ``(plot, feature)`` for the workers, and return the task.

        Args:
            values: Of the plots.
            data: Fingerprint of the plots.
        """
        publish(self.folder / f"{self.name}.npy", array_to_bytes(values))
        return Task(self.name, self, fingerprint_of({"ensemble": self.weights, "plots": data}))

    def answers(self) -> Probabilities:
        """Read what was said.

        Raises:
            CorruptError: The file is damaged.
        """
        place = self.folder / f"{self.name}.safetensors"
        return arrays_from_bytes(place.read_bytes(), str(place))


@dataclass(frozen=True)
class ExternalProgram:
    """Asks ensembles, all voters of them, and each of their learners."""

    root: Path
    """Of the run."""
    fingerprint: str = fingerprint_of({"program": "external", "kernel": KERNEL})
    name: str = "external"
    unit: str = "formations"
    timeout: float | None = None

    def __call__(self, task: Task) -> Outcome:
        """Ask one ensemble.

        Raises:
            InputError: There is no such ensemble.
            CorruptError: It is not the one that was written.
        """
        asked: Asked = task.arguments
        values = np.load(asked.folder / f"{asked.name}.npy", allow_pickle=False)
        answers = said_by(load_ensemble(asked.ensemble), values)
        place = asked.folder / f"{asked.name}.safetensors"
        publish(place, arrays_to_bytes(answers))
        return Outcome(recorded(self.root, place))


def said_by(ensemble: FormationEnsemble, values: NDArray[np.float32]) -> Probabilities:
    """Return what all voters together, and those of each learner, say of plots.

    Args:
        ensemble: Of a formation.
        values: Raw predictors ``(plot, feature)``, NaN where missing; there may be none.
    """
    members = {ENSEMBLE: ensemble}
    members |= {name: ensemble.of_learner(name) for name in dict.fromkeys(ensemble.learners)}
    return {
        name: np.ascontiguousarray(predict_formation(each, values).probability.T)
        for name, each in members.items()
    }
