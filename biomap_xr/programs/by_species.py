"""Habitats in the pass over a tile: species are ranked while they are predicted."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.habitats import plantbert
from biomap_xr.habitats.eunis import number_of
from biomap_xr.habitats.plantbert.classify import classify, map_habitats
from biomap_xr.habitats.plantbert.fast import FastClassifier
from biomap_xr.habitats.plantbert.ranking import TopSpecies
from biomap_xr.habitats.settings import AssemblageMapSettings
from biomap_xr.programs.predicted import UNKNOWN

if TYPE_CHECKING:
    from biomap_xr.run.task import Statistics


@dataclass(frozen=True, eq=False)
class HabitatPart:
    """How the pass names habitats; paths and small tables only."""

    model: Path
    weights: str
    """Fingerprint of the habitat model: each worker loads it once."""
    store: Path
    places: NDArray[np.int64]
    """``(species,)`` of the species model: index in the habitat model's vocabulary, -1 for none."""
    settings: AssemblageMapSettings


@dataclass(frozen=True, eq=False)
class HabitatReader:
    """A habitat model, ready to read many sentences."""

    classifier: FastClassifier
    habitats: tuple[str, ...]
    k: int


@lru_cache(maxsize=1)
def loaded_reader(folder: Path, weights: str, device: str) -> HabitatReader:
    """Load a habitat model once per process and fingerprint."""
    model = plantbert.load_model(folder, device)
    classifier = FastClassifier.of(model.network, model.tokens, device=device)
    return HabitatReader(classifier, model.card.habitats, model.card.k)


class HabitatPass:
    """The ranked species of a tile's valid cells so far."""

    def __init__(self, part: HabitatPart, cells: int, device: str) -> None:
        self.part, self.device = part, device
        self.reader = loaded_reader(part.model, part.weights, device)
        self.top = TopSpecies(self.reader.k, cells, device=device)

    def add(self, species: slice, probability: torch.Tensor) -> None:
        """Take in the probabilities ``(species, n)`` of a block of the species model's table."""
        places = self.part.places[species]
        known = np.flatnonzero(places != UNKNOWN)
        if len(known) == len(places):
            self.top.add(places, probability)
        elif len(known):
            rows = torch.from_numpy(known).to(probability.device)
            self.top.add(places[known], probability[rows])

    def maps(self, valid: NDArray[np.bool_]) -> "tuple[dict[str, NDArray[Any]], Statistics]":
        """Read all sentences.

        Args:
            valid: ``(y, x)`` where a prediction exists.

        Returns:
            Variables of the cube (..., y, x), and what reports sum up.
        """
        settings = self.part.settings
        kept = self.top.sentences(drop_last="plantbert" if settings.drop_last else None)
        sentences = kept.cpu().numpy()
        classified = classify(self.reader.classifier, sentences)
        made = map_habitats(
            classified,
            self.reader.habitats,
            probabilities=settings.probabilities,
            levels=settings.levels,
        )
        statistics: Statistics = {
            "sentences": len(sentences) - classified.empty,
            "distinct_sentences": len(classified.distinct),
            "habitat_cells": _counted(made.habitat[0], self.reader.habitats),
        }
        return cast("dict[str, NDArray[Any]]", made.on_tile(valid)), statistics


def _counted(habitat: NDArray[np.uint16], codes: tuple[str, ...]) -> list[float]:
    """Count the cells ``(n,)`` of each habitat."""
    counts = np.bincount(habitat, minlength=np.iinfo(np.uint16).max + 1)
    return [float(counts[number_of(code)]) for code in codes]
