"""The truth of a simulated Europe: what lives where, and with which chance."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid, Points, Tile
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.assignment import group_numbers, habitats_at, weights_of
from biomap_xr.virtual.ceiling import Reference
from biomap_xr.virtual.drivers import chosen_of, sample_of
from biomap_xr.virtual.niches import MODALITIES, Floats, expected_auc
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.traits import species_table

STORE = "truth.zarr"
SETTINGS = "virtual_settings"
"""Attribute of the store that holds the settings it was made with, as JSON."""


@dataclass(frozen=True, eq=False)
class Richness:
    """Expected number of species of a tile's cells, ``(y, x)`` each; NaN in water."""

    cell: Floats
    """In the whole cell."""
    plot: Floats
    """On a survey's plot somewhere in the cell."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a simulated Europe knows of itself."""

    store: Path
    assemblage: Assemblage
    table: pd.DataFrame
    """One row a species, as `traits.species_table` makes it."""

    @classmethod
    def of(cls, settings: VirtualSettings, store: Path) -> Self:
        """Make the truth of settings; ``store`` need not exist yet."""
        assemblage = Assemblage.of(settings)
        return cls(store, assemblage, species_table(settings, assemblage.niches))

    @cached_property
    def grid(self) -> Grid:
        """The map's cells and tiles."""
        return Grid.from_settings(self.settings.grid_settings())

    @property
    def settings(self) -> VirtualSettings:
        """The settings of this world."""
        return self.assemblage.world.settings

    @property
    def species_id(self) -> NDArray[np.int64]:
        """Ids in the order of every array (species, ...)."""
        return self.table["species_id"].to_numpy(np.int64)

    @property
    def capture(self) -> Floats:
        """Chance ``(species,)`` that a survey finds a species in a cell where it lives."""
        return self.table["capture"].to_numpy(np.float32)

    def open(self) -> xr.Dataset:
        """Open the stored maps lazily: probability, presence ``(species, y, x)``, habitat, ..."""
        return open_cube(self.store)

    def probability_at(self, cells: Cells) -> Floats:
        """Return chances ``(n, species)`` in cells ``(n,)``, 0 in water and off the map."""
        chances = np.zeros((len(cells.row), self.settings.species), np.float32)
        on_land, centres = self._on_land(cells)
        if len(on_land):
            drawn = self.assemblage.draw(centres, self.assemblage.features(centres))
            chances[on_land] = drawn.probability.T
        return chances

    def reference(self, count: int = 40_000) -> Reference:
        """Return what the whole truth knows of its habitats, from cells spread evenly over the map.

        Args:
            count: Cells to look at, water included; the whole map where it has fewer.
        """
        rows, columns = self.grid.shape
        step = max(1, int(np.ceil(np.sqrt(rows * columns / count))))
        # From the middle of a step, so that a coarse lattice has as much on either side.
        row, column = np.mgrid[step // 2 : rows : step, step // 2 : columns : step]
        _, centres = self._on_land(Cells(row.ravel(), column.ravel()))
        drawn = self.assemblage.draw(centres, self.assemblage.features(centres))
        numbers = group_numbers(self.assemblage)
        return Reference(
            probability=drawn.probability.T,
            habitat=habitats_at(self.assemblage, centres, drawn.probability),
            capture=self.capture,
            group=numbers[self.assemblage.niches.group],
            weight=weights_of(self.assemblage),
        )

    def expected_richness(self, tile: Tile) -> Richness:
        """Return the expected richness of a tile's cells, in the cell and on a plot."""
        window = tile.window
        maps = self.open().isel(y=window.rows, x=window.columns)
        land = maps["land"].to_numpy() == 1
        values = (maps[name].to_numpy() for name in ("richness_cell", "richness_plot"))
        return Richness(*(np.where(land, value, np.float32(np.nan)) for value in values))

    @cached_property
    def skill(self) -> dict[str, float]:
        """Return the macro AUC over the land of the full truth and of each modality's part."""
        world, niches = self.assemblage.world, self.assemblage.niches
        everywhere = sample_of(self.settings)
        land = chosen_of(everywhere, world.terrain.at(everywhere).land)
        features = self.assemblage.features(land)
        probability = self.assemblage.draw(land, features).probability.T
        scores = {"full": (niches.weights @ features).T}
        scores |= {name: self.assemblage.part(features, name).T for name in MODALITIES}
        return {
            name: round(float(expected_auc(score, probability).mean()), 4)
            for name, score in scores.items()
        }

    def _on_land(self, cells: Cells) -> tuple[NDArray[np.int64], Points]:
        """Return which of cells ``(n,)`` lie on land, as indices, and the centres of these."""
        inside = np.flatnonzero(cells.inside)
        centres = self.grid.centres_of(cells[inside])
        land = self.assemblage.world.terrain.at(centres).land
        return inside[land], chosen_of(centres, land)


def open_truth(path: Path) -> Truth:
    """Open the truth that `simulate` left in a folder, or its ``truth.zarr`` itself.

    Raises:
        InputError: There is no truth.
    """
    store = path if path.name == STORE else path / STORE
    attributes = open_cube(store).attrs
    if SETTINGS not in attributes:
        raise InputError(
            f"{store} has no attribute {SETTINGS!r}; expected the truth of a simulated Europe: run "
            "`biomap simulate` to make one"
        )
    return Truth.of(VirtualSettings.model_validate_json(attributes[SETTINGS]), store)
