"""Pl@ntBERT as one of the classifiers that compare on equal terms."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.fitting import Watching
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.plantbert.artefact import given_model
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.settings import PlantBertSettings
from biomap_xr.habitats.plantbert.training import train_habitat_model


@dataclass(frozen=True)
class PlantBertClassifier:
    """Training with one set of settings, under the name that reports print."""

    settings: PlantBertSettings = field(default_factory=PlantBertSettings)
    name: str = "Pl@ntBERT"
    watching: Watching = field(default_factory=Watching)
    device: str = "cpu"
    """Where to train."""

    def fit(self, samples: Samples, roles: Roles) -> "FittedPlantBert":
        """Train both stages on the training rows, or take the model that the settings give.

        Raises:
            InputError: As in `train_habitat_model` or `given_model`.
        """
        if self.settings.model is not None:
            given = given_model(self.settings.model, self.settings.k, self.device)
            if given.card.habitats != samples.habitats:
                raise InputError(
                    f"{self.settings.model} names {len(given.card.habitats)} habitats, the samples "
                    f"{len(samples.habitats)}; expected the model's: make the samples with "
                    "samples_of(..., habitats=model.card.habitats)"
                )
            return FittedPlantBert(given)
        return FittedPlantBert(
            train_habitat_model(
                samples, roles, self.settings, watching=self.watching, device=self.device
            )
        )


@dataclass(frozen=True, eq=False)
class FittedPlantBert:
    """A trained model."""

    model: HabitatModel

    def predict_proba(self, assemblages: Assemblages) -> NDArray[np.float32]:
        """Return probabilities ``(n, habitat)`` from the ranks alone; NaN without any species.

        Raises:
            InputError: The table of species is not the model's.
        """
        self.model.require_species(assemblages.species)
        return self.model.predict_proba(assemblages.sentences[:, : self.model.card.k])
