"""The assemblages that a species model predicts at cells, as Pl@ntBERT reads them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells
from biomap_xr.habitats.assemblages import Assemblages, ranked
from biomap_xr.programs.loading import loaded
from biomap_xr.programs.slices import Complete, Slice, Slices
from biomap_xr.run import Outcome, Task, fingerprint_of, recorded
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish
from biomap_xr.species.inference import input_settings
from biomap_xr.species.scoring import probabilities
from biomap_xr.taxa import places

KERNEL = 1
"""Raised when the same model and cells give other rankings."""
NAMED = 5
SLICE = 2048
"""Cells of a task: their windows and predictions of all species take about 1 GB."""
RANKED = np.dtype([("species", "<i4"), ("probability", "<f4")])
UNKNOWN = -1
"""Place of a species that the habitat model's vocabulary lacks."""


def vocabulary_places(species: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.int64]:
    """Find the mapped species in the vocabulary of a habitat model.

    Args:
        species: Names of the species model, as its table writes them.
        vocabulary: Names of the habitat model: lower-case binomials.

    Returns:
        ``(species,)`` index in the vocabulary, -1 where it has no such name.

    >>> vocabulary_places(["Abies alba Mill.", "Poa annua"], ["abies alba"]).tolist()
    [0, -1]
    """
    return np.array(places(species, vocabulary), np.int64)


def require_shared(
    species: Sequence[str], vocabulary: Sequence[str], least: float
) -> NDArray[np.int64]:
    """Return `vocabulary_places`, if enough species have one.

    Raises:
        InputError: The two tables share fewer than the share ``least`` of the mapped species.
    """
    found = vocabulary_places(species, vocabulary)
    known = found >= 0
    if known.mean() < least:
        missing = [species[index] for index in np.flatnonzero(~known)[:NAMED]]
        raise InputError(
            f"species tables: Pl@ntBERT knows {int(known.sum())} of the {len(species)} species "
            f"that are mapped ({known.mean():.0%}), expected {least:.0%} at least; it lacks "
            f"{missing}: train it on plots with these names, or lower habitats.on_map.shared"
        )
    return found


@dataclass(frozen=True, eq=False)
class RankingProgram:
    """Predicts the species of a slice of cells and keeps the likeliest of each."""

    root: Path
    """Of the run."""
    model: Path
    weights: str
    """Fingerprint of the model: each worker loads it once."""
    covariates: Covariates
    device: str
    places: NDArray[np.int64]
    """``(species,)`` of the species model: index in the habitat model's vocabulary, -1 for none."""
    k: int
    """Species that are kept of a cell."""
    name: str = "predicted"
    unit: str = "slices of plots"

    @property
    def fingerprint(self) -> str:
        """Of everything but the cells."""
        return fingerprint_of(
            {
                "kernel": KERNEL,
                "model": self.weights,
                "covariates": self.covariates.fingerprint,
                "places": self.places.tolist(),
                "k": self.k,
            }
        )

    def __call__(self, task: Task) -> Outcome:
        """Rank a slice: `RANKED` values ``(cell, k)``, the likeliest species first."""
        part: Slice = task.arguments
        probability = self._probability(Cells(*part.places()))[:, self.places != UNKNOWN]
        column = self.places[self.places != UNKNOWN]
        best = np.argsort(-probability, axis=1, kind="stable")[:, : self.k]
        found = np.empty(best.shape, RANKED)
        found["species"] = column[best]
        found["probability"] = np.take_along_axis(probability, best, axis=1)
        publish(part.result, array_to_bytes(found))
        return Outcome(recorded(self.root, part.result))

    def _probability(self, cells: Cells) -> NDArray[np.float32]:
        """Predict ``(cell, species)`` with the inputs of the map's reference year."""
        model = loaded(self.model, self.weights, self.device)
        unknown, names = np.zeros(len(cells), np.int64), tuple(model.modalities)
        inputs = cut_inputs(self.covariates, cells, unknown, names, input_settings(model))
        chosen = {name: inputs[name] for name in names}
        return probabilities(model, chosen, np.arange(len(cells)))


@dataclass(frozen=True, eq=False)
class PredictedAssemblages:
    """Predicts on the workers which species live in cells."""

    species: tuple[str, ...]
    """Names of the species model."""
    program: RankingProgram
    """For no vocabulary yet."""
    folder: Path
    """Where slices are kept, so that a run that was killed goes on."""
    complete: Complete

    def require_shared(self, vocabulary: Sequence[str], least: float) -> None:
        """Refuse a vocabulary that knows too few of the mapped species.

        Raises:
            InputError: It does.
        """
        require_shared(self.species, vocabulary, least)

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
        there = cells[inside]
        program = replace(self.program, places=vocabulary_places(self.species, vocabulary), k=k)
        side = program.covariates.grid.tile_cells
        # Neighbours are in one task, so that few tasks decode the same shard.
        order = np.lexsort((there.column // side, there.row // side))
        places = np.stack([there.row, there.column])
        slices = Slices.keep(self.folder, places, order, SLICE, program.fingerprint)
        self.complete(program, slices.tasks())
        known = min(k, int((program.places != UNKNOWN).sum()))
        found = slices.joined(np.empty((len(inside), known), RANKED))
        rows = np.repeat(np.arange(len(inside)), known)
        amounts = csr_array(
            (found["probability"].ravel(), (rows, found["species"].ravel())),
            shape=(len(inside), len(vocabulary)),
        )
        return inside, Assemblages(ranked(amounts, k), amounts, tuple(vocabulary))

    def forget(self) -> None:
        """Remove the slices: what they were for is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
