import numpy as np
import pytest

from biomap_xr.cubes import Coordinate, Cube, Variable
from biomap_xr.grid import Extent, Grid, GridSettings


@pytest.fixture
def grid():
    square = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_002_000, y_max=2_801_000)
    return Grid.from_settings(GridSettings(tile=1_000, extent=square))


@pytest.fixture
def cube(grid):
    """Five species in shards of two on two tiles of 20 x 20 cells."""
    probability = Variable(
        "probability",
        ("species", "y", "x"),
        "uint8",
        0,
        {"long_name": "probability of presence"},
        shards={"species": 2},
        chunks={"species": 1},
    )
    valid = Variable("valid", ("y", "x"), "uint8", 0, {"long_name": "cells with a prediction"})
    names = Coordinate(
        ("species",), np.array(["Aster alpha", "Bellis beta", "Cirsium gamma", "Dianthus", "Erica"])
    )
    ids = Coordinate(("species",), np.arange(10, 15), {"long_name": "species id"})
    return Cube(
        "", grid, (probability, valid), {"species": names, "species_id": ids}, {"title": "test"}
    )
