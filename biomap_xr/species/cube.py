"""The species cube: one quantised probability for each species and cell."""

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from array_api_compat import array_namespace

from biomap_xr.cubes import PARTS, Coordinate, Cube, Variable
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.species.card import ModelCard

# For the compiled loop, which would compute in double precision with Python's numbers.
ZERO, ONE, PARTS_32 = np.float32(0), np.float32(1), np.float32(PARTS)
SHARD = 512
"""Species in a shard: 22 shards for each of Europe's 22,000 land tiles at 11,255 species."""


def species_cube(grid: Grid, card: ModelCard, attributes: Mapping[str, Any]) -> Cube:
    """Declare the cube ``species.zarr`` for a model's species on a grid.

    Raises:
        InputError: The model has no thresholds.
    """
    return Cube("", grid, species_variables(), _coordinates(card), attributes)


def species_variables() -> tuple[Variable, ...]:
    """Declare the probabilities, where they exist, and how far each cell was moved."""
    probability = Variable(
        "probability",
        ("species", "y", "x"),
        "uint8",
        0,
        {
            "long_name": "probability of presence",
            "units": "1",
            "scale_factor": 1 / PARTS,
            "valid_range": [0, PARTS],
            "comment": "0 is below the storage floor; see valid for where a prediction exists",
            "ancillary_variables": "valid",
        },
        shards={"species": SHARD},
        chunks={"species": 1},
    )
    valid = Variable(
        "valid",
        ("y", "x"),
        "uint8",
        0,
        {
            "long_name": "cells with a prediction",
            "flag_values": [0, 1],
            "flag_meanings": "no_prediction prediction",
        },
    )
    displacement = Variable(
        "displacement",
        ("y", "x"),
        "float32",
        np.nan,
        {
            "long_name": "distance to the land cell that a water cell took its prediction from",
            "units": "m",
        },
    )
    return probability, valid, displacement


def _coordinates(card: ModelCard) -> dict[str, Coordinate]:
    thresholds = card.require_thresholds()
    return {
        "species": Coordinate(
            ("species",), np.array(card.species), {"long_name": "species", "units": "1"}
        ),
        "species_id": Coordinate(
            ("species",), np.array(card.species_id, np.int64), {"long_name": "id of the species"}
        ),
        "threshold_f": Coordinate(
            ("species",),
            np.array(thresholds.f_score, np.float32),
            {"long_name": "presence threshold of the best F-score", "units": "1"},
        ),
        "threshold_conformal": Coordinate(
            ("species",),
            np.array(thresholds.conformal, np.float32),
            {"long_name": "conformal presence threshold", "units": "1"},
        ),
    }


def quantise(probability: Any, floor: float, *, place: str) -> Any:
    """Round probabilities to 250ths, those below the floor to 0.

    Args:
        probability: Floats of any shape, 0 to 1; NumPy, CuPy or torch.
        floor: Smallest probability that is kept.
        place: Name of the tile, for the error.

    Returns:
        uint8 of the same shape and kind.

    Raises:
        InputError: A value is not in 0..1, or not a number.

    >>> quantise(np.array([0.0015, 0.0021, 0.5, 1.0]), 0.002, place="here").tolist()
    [0, 1, 125, 250]
    """
    if isinstance(probability, np.ndarray) and probability.dtype == np.float32:
        levels = np.empty(probability.shape, np.uint8)
        flat = np.ascontiguousarray(probability).ravel()
        if _round(flat, np.float32(floor), levels.ravel()):
            return levels
    xp = array_namespace(probability)
    if not bool(xp.all((probability >= 0) & (probability <= 1))):
        low, high = float(xp.min(probability)), float(xp.max(probability))
        raise InputError(
            f"tile {place}: probabilities from {low} to {high}, expected 0 to 1; "
            "look for missing or infinite covariates there"
        )
    levels = xp.astype(xp.round(probability * PARTS), xp.uint8)
    return xp.where(probability < floor, xp.zeros_like(levels), levels)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _round(probability: Any, floor: Any, levels: Any) -> bool:
    """Write the levels ``(n,)`` in one pass; say whether all are probabilities."""
    right = True
    for place in range(len(probability)):
        value = probability[place]
        # NaN fails both comparisons.
        right &= (value >= ZERO) & (value <= ONE)
        level = np.int32(np.rint(value * PARTS_32))
        levels[place] = np.uint8(level if value >= floor else np.int32(0))
    return right
