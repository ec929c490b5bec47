"""The passes over a tile that make habitats from the environment (paper 2, steps 1 to 4).

Two programs, so that another land cover or crosswalk runs the second one alone, never the models:
``environment`` predicts and applies the regional filter, ``wall_to_wall`` reads that back, ranks by
land cover and decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import Shard, write_block
from biomap_xr.cubes.shards import ZARRS
from biomap_xr.grid import Tile
from biomap_xr.habitats.cube import BY_ENVIRONMENT, NO_PERCENT, WALL_TO_WALL
from biomap_xr.habitats.ensemble.artefact import FormationModel, load_ensemble
from biomap_xr.habitats.ensemble.prediction import EnsemblePrediction, predict_formation
from biomap_xr.habitats.ensemble.voters import FormationEnsemble
from biomap_xr.habitats.eunis import NO_HABITAT
from biomap_xr.habitats.rules.landcover import CoverTable, Ranked, top_habitats
from biomap_xr.habitats.rules.lookup import places_of
from biomap_xr.habitats.rules.priority import WallToWall
from biomap_xr.habitats.rules.rulebook import Masks, Rulebook
from biomap_xr.programs.masks import LAND_COVER, MASKS, MaskReader
from biomap_xr.run import Outcome

if TYPE_CHECKING:
    from biomap_xr.run.task import Statistics

MEASURES = ("committee", "model_spread", "sampling_spread")
ANY_COVER = 1
"""Code of all cells where no land cover is looked at."""


@dataclass(frozen=True)
class EnvironmentProgram:
    """Steps 1 and 2: probabilities of each formation; paths and small tables only."""

    masks: MaskReader
    models: tuple[FormationModel, ...]
    columns: tuple[tuple[int, ...], ...]
    """``(model, feature)`` place of each predictor in the cube."""
    rules: Rulebook
    store: Path
    fingerprint: str
    cells: Literal["regional", "filtered"] = "regional"
    """Where models predict: wherever a region allows a class, or only where land cover does, too.
    """
    threads: int = 1
    name: str = "environment"

    @property
    def covariates(self) -> Covariates:
        """The cube that it reads."""
        return self.masks.covariates

    def __call__(self, tile: Tile) -> Outcome:
        """Write the probabilities of all formations on a tile.

        Returns:
            The shards, and what the reports sum up: cells that each formation was predicted at,
            cells of land, and cells that joined the nearest ecoregion.

        Raises:
            InputError: The covariates lack a layer, or a code of it is unknown.
        """
        masks, placed = self.masks.read(tile)
        if self.cells == "filtered":
            masks = {**masks, LAND_COVER: self.covariates.window(MASKS, LAND_COVER, tile)}
        land = self.masks.land(tile)
        predictors = predictors_on(self.covariates, tile)
        shards: list[Shard] = []
        predicted: list[float] = []
        for model, columns in zip(self.models, self.columns, strict=True):
            wanted = land & self._needed(model.formation, masks)
            found = self._maps(model, predictors[list(columns)], masks, wanted)
            predicted.append(float((found["committee"] != NO_PERCENT).sum()))
            shards += write_maps(self.store, f"{BY_ENVIRONMENT}/{model.formation}", found, tile)
        statistics: Statistics = {
            "predicted": predicted,
            "land": float(land.sum()),
            "snapped": float((land & (placed.distance > 0)).sum()) if placed else 0.0,
        }
        return Outcome(tuple(shards), statistics)

    def _needed(self, formation: str, masks: Masks) -> NDArray[np.bool_]:
        return self.rules.needed(formation, masks, filtered=self.cells == "filtered")

    def _maps(
        self,
        model: FormationModel,
        predictors: NDArray[np.float32],
        masks: Masks,
        wanted: NDArray[np.bool_],
    ) -> dict[str, NDArray[np.uint8]]:
        """Return the variables of one formation's cube on a tile, in percent."""
        if not wanted.any():
            # Written all the same: what a former run left there must go.
            empty = np.full((len(model.codes), *wanted.shape), NO_PERCENT, np.uint8)
            return {"probability": empty, **dict.fromkeys(MEASURES, empty[0])}
        ensemble = loaded(model.folder, model.weights)
        table = self.rules.regions[model.formation]
        region = masks[table.layer]
        place = places_of(table.layer, region, table.regions, table.missing)
        found = predict_formation(
            ensemble,
            predictors,
            wanted=wanted,
            allowed=np.moveaxis(table.padded.T[place], -1, 0),
            threads=self.threads,
        )
        kept = self.rules.regional(model.formation, percent(100 * found.probability), masks)
        return {"probability": kept, **_measures(found)}


@dataclass(frozen=True)
class WallToWallProgram:
    """Steps 3 and 4: habitats of each formation, and the map over all of them."""

    covariates: Covariates
    models: tuple[FormationModel, ...]
    rules: Rulebook
    store: Path
    fingerprint: str
    name: str = WALL_TO_WALL

    def __call__(self, tile: Tile) -> Outcome:
        """Rank and decide on a tile; its probabilities must be there.

        Without a crosswalk, classes are ranked as the regional filter leaves them, and nothing is
        decided between formations.

        Returns:
            The shards, and ``numbers`` and ``cells``: how many cells each habitat or surface is the
            dominant one of.

        Raises:
            InputError: A code of land cover is unknown.
        """
        masks: dict[str, NDArray[Any]] = {}
        if self.rules.matched is not None:
            masks[LAND_COVER] = self.covariates.window(MASKS, LAND_COVER, tile)
        shards: list[Shard] = []
        ranked: dict[str, Ranked] = {}
        for model in self.models:
            group = f"{BY_ENVIRONMENT}/{model.formation}"
            probability = read_map(self.store, group, "probability", tile)
            found = self._rank(model, probability, masks)
            ranked[model.formation] = found
            shards += write_maps(self.store, group, _ranks(found), tile)
        if self.rules.matched is None:
            return Outcome(tuple(shards))
        decided = self.rules.decide(ranked, masks)
        maps = {**_ranks(decided), "rule": decided.rule}
        shards += write_maps(self.store, WALL_TO_WALL, maps, tile)
        return Outcome(tuple(shards), _counted(decided.habitat[0]))

    def _rank(self, model: FormationModel, probability: NDArray[np.uint8], masks: Masks) -> Ranked:
        if self.rules.matched is not None:
            return self.rules.rank(model.formation, probability, masks)
        everywhere = CoverTable(
            model.codes, np.array([ANY_COVER]), np.ones((len(model.codes), 1), bool), frozenset()
        )
        cover = np.full(probability.shape[1:], ANY_COVER, np.uint8)
        return top_habitats(probability, cover, everywhere)


@lru_cache(maxsize=16)
def loaded(folder: Path, weights: str) -> FormationEnsemble:
    """Load an ensemble once per process and fingerprint.

    Raises:
        CorruptError: It is not the one that was written.
    """
    return load_ensemble(folder)


def predictors_on(covariates: Covariates, tile: Tile) -> NDArray[np.float32]:
    """Return predictors at the cells of a tile ``(variable, y, x)``.

    Each cell takes the pixel that its centre lies in, whichever of the two is finer.
    """
    values = covariates.window("predictors", "predictors", tile)
    if values.shape[1:] == tile.shape:
        return values
    rows, columns = (
        np.floor((np.arange(cells) + 0.5) * pixels / cells).astype(np.int64)
        for cells, pixels in zip(tile.shape, values.shape[1:], strict=True)
    )
    return values[:, rows[:, None], columns[None, :]]


def percent(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round percentages (...), 255 where there is none.

    >>> percent(np.array([0.4, 50.5, np.nan])).tolist()
    [0, 51, 255]
    """
    missing = np.isnan(values)
    rounded = np.floor(np.where(missing, 0, values) + 0.5)
    return np.where(missing, NO_PERCENT, np.minimum(rounded, 100)).astype(np.uint8)


def write_maps(
    store: Path, group: str, maps: Mapping[str, NDArray[Any]], tile: Tile
) -> tuple[Shard, ...]:
    """Write variables (..., y, x) of a group on a tile; paths of shards begin with the store's."""
    window = tile.window
    origin = {"y": window.rows.start, "x": window.columns.start}
    shards = [
        shard
        for name, values in maps.items()
        for shard in write_block(store, group, name, values, origin)
    ]
    return tuple(replace(shard, path=f"{store.name}/{shard.path}") for shard in shards)


def read_map(store: Path, group: str, variable: str, tile: Tile) -> NDArray[Any]:
    """Read a variable (..., y, x) of a group on a tile."""
    # Reading through zarrs is several times faster than through zarr-python.
    with zarr.config.set(ZARRS):
        array = zarr.open_array(store / group / variable, mode="r")
        return np.asarray(array[..., tile.window.rows, tile.window.columns])


def _measures(found: EnsemblePrediction) -> dict[str, NDArray[np.uint8]]:
    return {name: percent(getattr(found, name)) for name in MEASURES}


def _ranks(found: Ranked | WallToWall) -> dict[str, NDArray[Any]]:
    return {"habitat": found.habitat, "confidence": found.confidence}


def _counted(habitat: NDArray[np.uint16]) -> "Statistics":
    numbers, cells = np.unique(habitat[habitat != NO_HABITAT], return_counts=True)
    return {"numbers": numbers.astype(float).tolist(), "cells": cells.astype(float).tolist()}
