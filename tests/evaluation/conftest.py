"""A grid of two tiles of 25 x 25 cells."""

import pytest

from biomap_xr.grid import Extent, Grid, GridSettings


@pytest.fixture
def grid() -> Grid:
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_050_000, y_max=2_825_000)
    return Grid.from_settings(GridSettings(resolution=1000, extent=extent))
