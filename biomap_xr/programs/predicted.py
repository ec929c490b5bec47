"""The assemblages that a species model predicts at cells, as Pl@ntBERT reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells
from biomap_xr.habitats.assemblages import Assemblages, ranked
from biomap_xr.observations.plot_names import species_name
from biomap_xr.species.inference import input_settings
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.scoring import probabilities

NAMED = 5
UNKNOWN = -1
"""Place of a species that the habitat model's vocabulary lacks."""


def vocabulary_places(species: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.int64]:
    """Find the mapped species in the vocabulary of a habitat model.

    Args:
        species: Names of the species model, as its table writes them.
        vocabulary: Names of the habitat model: lower-case binomials.

    Returns:
        ``(species,)`` index in the vocabulary, -1 where it has no such name.

    >>> vocabulary_places(["Abies alba", "Poa annua L."], ["abies alba"]).tolist()
    [0, -1]
    """
    place = {name: index for index, name in enumerate(vocabulary)}
    return np.array([place.get(species_name(name), UNKNOWN) for name in species], np.int64)


def require_shared(
    species: Sequence[str], vocabulary: Sequence[str], least: float
) -> NDArray[np.int64]:
    """Return `vocabulary_places`, if enough species have one.

    Raises:
        InputError: The two tables share fewer than the share ``least`` of the mapped species.
    """
    places = vocabulary_places(species, vocabulary)
    known = places >= 0
    if known.mean() < least:
        missing = [species[index] for index in np.flatnonzero(~known)[:NAMED]]
        raise InputError(
            f"species tables: Pl@ntBERT knows {int(known.sum())} of the {len(species)} species "
            f"that are mapped ({known.mean():.0%}), expected {least:.0%} at least; it lacks "
            f"{missing}: train it on plots with these names, or lower habitats.on_map.shared"
        )
    return places


@dataclass(frozen=True, eq=False)
class PredictedAssemblages:
    """Predicts which species live in cells, with the inputs of the map's reference year."""

    model: SpeciesModel
    covariates: Covariates

    def require_shared(self, vocabulary: Sequence[str], least: float) -> None:
        """Refuse a vocabulary that knows too few of the mapped species.

        Raises:
            InputError: It does.
        """
        require_shared(self.model.card.species, vocabulary, least)

    def at(
        self, cells: Cells, vocabulary: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], Assemblages]:
        """Rank the species of cells by their probability.

        Args:
            cells: n of them; those off the grid are left out.
            vocabulary: Names that sentences index; other species are not ranked.
            k: Species of a sentence at most.

        Returns:
            Which cells these are ``(m,)``, and their assemblages with amounts of the ranked alone.
        """
        inside = np.flatnonzero(cells.inside).astype(np.int64)
        places = vocabulary_places(self.model.card.species, vocabulary)
        probability = self._probability(cells[inside])[:, places >= 0]
        column = places[places >= 0]
        best = np.argsort(-probability, axis=1, kind="stable")[:, :k]
        rows = np.repeat(np.arange(len(inside)), best.shape[1])
        values = np.take_along_axis(probability, best, axis=1).ravel()
        shape = (len(inside), len(vocabulary))
        amounts = csr_array((values, (rows, column[best.ravel()])), shape=shape)
        return inside, Assemblages(ranked(amounts, k), amounts, tuple(vocabulary))

    def _probability(self, cells: Cells) -> NDArray[np.float32]:
        """Predict ``(cell, species)``."""
        if not len(cells):
            return np.zeros((0, len(self.model.card.species)), np.float32)
        settings = input_settings(self.model)
        unknown = np.zeros(len(cells), np.int64)
        names = tuple(self.model.modalities)
        inputs = cut_inputs(self.covariates, cells, unknown, names, settings)
        chosen = {name: inputs[name] for name in names}
        return probabilities(self.model, chosen, np.arange(len(cells)))
