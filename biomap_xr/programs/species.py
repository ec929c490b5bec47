"""One pass over a tile: read the windows, run the head block by block of species, reduce, write.

The dense cube of a tile (500 x 500 x 11,255 x 4 B = 11 GB) never exists: each block of species is
added to the indicators and rounded into the shard that is being filled, and then forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import PARTS, Shard, write_block
from biomap_xr.grid import Tile
from biomap_xr.habitats.cube import BY_SPECIES
from biomap_xr.indicators.sums import Sums
from biomap_xr.programs.by_species import HabitatPart, HabitatPass
from biomap_xr.programs.loading import loaded
from biomap_xr.run import Outcome
from biomap_xr.species.cube import SHARD, quantise
from biomap_xr.species.inference import TileEmbedding, embed_tile, species_blocks
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.settings import MapSettings

if TYPE_CHECKING:
    from biomap_xr.run.task import Statistics


@dataclass(frozen=True, eq=False)
class Assemblage:
    """What the species of the model count for, in the model's order."""

    members: NDArray[np.bool_]
    """``(indicator, species)``."""
    known: NDArray[np.bool_]
    """``(indicator,)``: indicators whose list was given."""
    status: NDArray[np.uint8]
    """``(species,)`` codes."""
    threshold: NDArray[np.float32]
    """``(species,)`` probability from which a species belongs to the assemblage."""
    widespread: NDArray[np.float32]
    """``(species,)`` threshold from which a species counts as present in its map's statistics."""


@dataclass(frozen=True)
class TileProgram:
    """Makes the maps of one tile: species, indicators, habitats; paths and small tables only."""

    covariates: Covariates
    model: Path
    weights: str
    """Fingerprint of the model: each worker loads it once."""
    assemblage: Assemblage
    species_store: Path | None
    """None where the species cube is not wanted."""
    indicators_store: Path
    settings: MapSettings
    reach: float
    """Metres within which a water cell takes the nearest land cell's prediction."""
    fingerprint: str
    habitats: HabitatPart | None = None
    """None where no habitats are read from the assemblages."""
    device: str = "cpu"
    name: str = "maps"

    def __call__(self, tile: Tile) -> Outcome:
        """Write the shards of a tile in all cubes.

        Returns:
            The shards, and what the reports sum up: valid cells, expected richness before and
            after rounding, cells of each species above its threshold.

        Raises:
            InputError: A prediction is no probability.
        """
        model = loaded(self.model, self.weights, self.device)
        embedding = embed_tile(model, self.covariates, tile, reach=self.reach)
        return TilePass(self, model, embedding, tile).run()


class TilePass:
    """The pass over one tile: what has been summed and written so far."""

    def __init__(
        self, program: TileProgram, model: SpeciesModel, embedding: TileEmbedding, tile: Tile
    ) -> None:
        self.program, self.model, self.embedding, self.tile = program, model, embedding, tile
        self.cells = int(embedding.valid.sum())
        self.species = len(model.card.species_id)
        self.floor = model.card.floor(program.settings.floor)
        self.stored = 0
        self.occupied = np.zeros(self.species, np.int64)
        self.habitats = (
            HabitatPass(program.habitats, self.cells, program.device) if program.habitats else None
        )
        self.shards: list[Shard] = []

    def run(self) -> Outcome:
        """Go through all species, then write what they summed up to."""
        starts = range(0, self.species, SHARD)
        sums = reduce(add, (self._shard(start) for start in starts))
        maps = sums.value()
        richness = float(maps.expected[0].sum(dtype=torch.float64)) if self.cells else 0.0
        self._write_support()
        self._write_indicators(maps.on_tile(self.embedding.valid, self.program.assemblage.known))
        statistics: Statistics = {
            "cells": self.cells,
            "moved": int((self.embedding.displacement > 0).sum()),
            "richness": richness,
            "stored_richness": self.stored / PARTS,
            "occupied": self.occupied.astype(float).tolist(),
            **self._write_habitats(),
        }
        return Outcome(tuple(self.shards), statistics)

    def _shard(self, start: int) -> Sums:
        """Predict and store the species of one shard; return their sums."""
        rows = range(start, min(start + SHARD, self.species))
        levels = np.zeros((len(rows), *self.embedding.valid.shape), np.uint8)
        sums = []
        for place, probability in self._blocks(rows):
            part = slice(start + place.start, start + place.stop)
            sums.append(self._sums(part, probability))
            if self.habitats is not None:
                self.habitats.add(part, probability)
            levels[place, self.embedding.valid] = self._quantised(part, probability)
        if self.program.species_store is not None:
            origin = {"species": start, **self._origin}
            self._write(self.program.species_store, "probability", levels, origin)
        return reduce(add, sums) if sums else self._nothing()

    def _nothing(self) -> Sums:
        """Sums over a tile without valid cells."""
        return Sums.zero(len(self.program.assemblage.members), (0,), torch)

    def _blocks(self, rows: range) -> Iterator[tuple[slice, torch.Tensor]]:
        if self.cells:
            yield from species_blocks(
                self.model, self.embedding, self.program.settings.block, list(rows)
            )

    def _sums(self, part: slice, probability: torch.Tensor) -> Sums:
        assemblage = self.program.assemblage
        threshold = torch.tensor(assemblage.threshold[part, None], device=probability.device)
        # Tables that travelled to a worker are read-only, which torch does not take.
        members, status = assemblage.members[:, part].copy(), assemblage.status[part].copy()
        return Sums.of(members, probability, probability >= threshold, status)

    def _quantised(self, part: slice, probability: torch.Tensor) -> NDArray[np.uint8]:
        """Round a block, and count what rounding keeps and where each species occurs."""
        values = probability.cpu().numpy()
        self.occupied[part] = (values >= self.program.assemblage.widespread[part, None]).sum(axis=1)
        levels = quantise(values, self.floor, place=self.tile.name)
        self.stored += int(levels.sum(dtype=np.int64))
        return levels

    @property
    def _origin(self) -> dict[str, int]:
        window = self.tile.window
        return {"y": window.rows.start, "x": window.columns.start}

    def _write_support(self) -> None:
        """Write where a prediction exists and how far its cell was moved."""
        if self.program.species_store is not None:
            valid = self.embedding.valid.astype(np.uint8)
            self._write(self.program.species_store, "valid", valid, self._origin)
            displacement = self.embedding.displacement
            self._write(self.program.species_store, "displacement", displacement, self._origin)

    def _write_indicators(self, maps: dict[str, NDArray[Any]]) -> None:
        for name, values in maps.items():
            self._write(self.program.indicators_store, name, np.asarray(values), self._origin)

    def _write_habitats(self) -> "Statistics":
        """Read and write the habitats, where they are wanted."""
        if self.habitats is None or self.program.habitats is None:
            return {}
        maps, statistics = self.habitats.maps(self.embedding.valid)
        for name, values in maps.items():
            self._write(self.program.habitats.store, name, values, self._origin, BY_SPECIES)
        return statistics

    def _write(
        self,
        store: Path,
        variable: str,
        block: NDArray[Any],
        origin: dict[str, int],
        group: str = "",
    ) -> None:
        shards = write_block(store, group, variable, block, origin)
        self.shards += [replace(shard, path=f"{store.name}/{shard.path}") for shard in shards]
