"""The indicators cube: expected values with their uncertainty, counts, statuses."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomap_xr.cubes import Coordinate, Cube, Variable
from biomap_xr.grid import Grid
from biomap_xr.indicators.declared import INDICATORS, STATUSES, attributes

FLOATS = ("expected", "variance", "low", "high", "any")


def indicators_cube(grid: Grid, described: Mapping[str, Any]) -> Cube:
    """Declare the cube ``indicators.zarr`` on a grid.

    Args:
        grid: Cells and tiles of the map.
        described: Attributes of the whole cube.
    """
    floats = (
        Variable(
            name,
            ("indicator", "y", "x"),
            "float32",
            np.nan,
            attributes(name),
            chunks={"indicator": 1},
        )
        for name in FLOATS
    )
    count = Variable(
        "count", ("indicator", "y", "x"), "uint16", 0, attributes("count"), chunks={"indicator": 1}
    )
    most = Variable("most_threatened", ("y", "x"), "uint8", 0, attributes("most_threatened"))
    chance = Variable(
        "status_any",
        ("status", "y", "x"),
        "float32",
        np.nan,
        attributes("status_any"),
        chunks={"status": 1},
    )
    coordinates = {
        "indicator": Coordinate(
            ("indicator",), np.array(list(INDICATORS)), {"long_name": "indicator"}
        ),
        "status": Coordinate(("status",), np.array(list(STATUSES)), {"long_name": "IUCN status"}),
    }
    return Cube("", grid, (*floats, count, most, chance), coordinates, described)
