"""Choosing predictors by what they are at a seeded sample of places."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.groups import read_predictors
from biomap_xr.covariates.predictors import PredictorsSettings, SelectionSettings
from biomap_xr.covariates.selection import Selection, least_correlated
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.grid import Grid

MAX_TILES = 256
"""Tiles that are read at most to find the sample."""
TILES = 16
"""Tiles that the sample should come from at least, where there are so many."""


@dataclass(frozen=True)
class Kept:
    """The predictors of the cube, and how they were chosen."""

    kept: tuple[str, ...]
    selection: Selection | None = None

    def attributes(self) -> dict[str, Any]:
        """Return the report for the cube: what was dropped, for which partner, at which r."""
        if self.selection is None:
            return {}
        report = asdict(self.selection)
        return {
            "selection": {**report, "dropped": list(report["dropped"]), "kept": list(self.kept)}
        }


def select_predictors(settings: CovariateSettings, grid: Grid) -> Kept | None:
    """Return the predictors that the cube shall hold; nothing where there are none.

    Args:
        settings: With or without a selection; without, all are kept.
        grid: The map's grid.

    Raises:
        InputError: Too few places have all predictors, or a value cannot be true.
    """
    predictors = settings.predictors
    if predictors is None:
        return None
    names = predictors.names
    if predictors.selection is None:
        return Kept(names)
    values = sample_predictors(settings, grid.with_resolution(predictors.resolution), predictors)
    selection = least_correlated(names, values, predictors.selection.threshold)
    return Kept(selection.kept, selection)


def sample_predictors(
    settings: CovariateSettings, grid: Grid, predictors: PredictorsSettings
) -> NDArray[np.float64]:
    """Draw places from tiles in a seeded order until there are enough that have all predictors.

    Args:
        settings: For the root of the paths.
        grid: Of the predictors' resolution.
        predictors: The variables.

    Returns:
        ``(place, predictor)`` without NaN.
    """
    wanted = predictors.selection or SelectionSettings()
    random = np.random.default_rng(wanted.seed)
    rows, columns = grid.tile_shape
    # Whole tiles, since single places would each cost a read of a block.
    order = random.permutation(rows * columns)[:MAX_TILES]
    share = -(-wanted.samples // min(TILES, len(order)))
    found: list[NDArray[np.float64]] = []
    for place in order:
        tile = grid.tile_at(*divmod(int(place), columns))
        layers = read_predictors(settings.root, predictors, grid, tile.geobox)
        values = np.stack([layer.ravel() for layer in layers.values()], axis=1).astype(np.float64)
        # A place in the sea has some predictors and not others.
        complete = values[~np.isnan(values).any(axis=1)]
        found.append(random.permutation(complete)[:share])
        if sum(map(len, found)) >= wanted.samples:
            break
    return np.concatenate(found)[: wanted.samples]
