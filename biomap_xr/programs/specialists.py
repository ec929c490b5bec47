"""How probable each species is over the sample of tiles that specialists are told by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.grid import Cells, Tile
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.indicators.specialists import Prevalence, sample_cells
from biomap_xr.programs.loading import loaded
from biomap_xr.run import Outcome, recorded
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish
from biomap_xr.species.inference import input_settings
from biomap_xr.species.scoring import probabilities


@dataclass(frozen=True)
class PrevalenceProgram:
    """Predicts the sampled land cells of a tile and keeps their sums; paths and settings only."""

    root: Path
    """Of the run."""
    model: Path
    weights: str
    """Fingerprint of the model: each worker loads it once."""
    covariates: Covariates
    settings: SpecialistSettings
    folder: Path
    """Where the sums of each tile are kept."""
    fingerprint: str
    device: str = "cpu"
    name: str = "specialists"

    def __call__(self, tile: Tile) -> Outcome:
        """Sum up one tile: ``(3, species)`` cells, sum and highest of probabilities."""
        found = self._prevalence(tile)
        cells = np.full(len(found.total), found.cells, np.float64)
        place = self._place(tile)
        publish(place, array_to_bytes(np.stack([cells, found.total, found.highest])))
        return Outcome(recorded(self.root, place))

    def joined(self, tiles: Sequence[Tile], species: int) -> Prevalence:
        """Add up the sums of tiles, whoever made them."""
        return reduce(add, map(self._read, tiles), Prevalence.zero(species))

    def _prevalence(self, tile: Tile) -> Prevalence:
        model = loaded(self.model, self.weights, self.device)
        land = self.covariates.window("masks", "land", tile) == 1
        row, column = np.nonzero(sample_cells(land, self.settings))
        window = tile.window
        cells = Cells(row + window.rows.start, column + window.columns.start)
        if not len(cells):
            return Prevalence.zero(len(model.card.species_id))
        own = input_settings(model)
        years = np.full(len(cells), own.reference_year)
        cut = cut_inputs(self.covariates, cells, years, model.modalities, own)
        inputs = {name: cut[name] for name in model.modalities}
        return Prevalence.of(probabilities(model, inputs, np.arange(len(cells))).T)

    def _place(self, tile: Tile) -> Path:
        return self.folder / f"{tile.name}.npy"

    def _read(self, tile: Tile) -> Prevalence:
        cells, total, highest = np.load(self._place(tile))
        return Prevalence(int(cells[0]) if len(cells) else 0, total, highest.astype(np.float32))
