"""Tiny cubes with the documented names and dims, made by hand."""

import numpy as np
import pytest
import xarray as xr
from odc.geo.xr import xr_coords

from biomap_xr.grid import Extent, Grid, GridSettings

SPECIES = ["Abies alba", "Betula pendula", "Carex flava", "Dryas octopetala"]
INDICATORS = ["richness", "eu_directive", "threatened", "trees", "invasive", "specialist"]


@pytest.fixture
def grid() -> Grid:
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_050_000, y_max=2_825_000)
    return Grid.from_settings(GridSettings(resolution=1000, extent=extent))


@pytest.fixture
def species(grid: Grid) -> xr.Dataset:
    random = np.random.default_rng(0)
    levels = random.integers(0, 251, (4, *grid.shape)).astype(np.uint8)
    valid = np.ones(grid.shape, np.uint8)
    valid[:8, :12] = 0
    levels[:, valid == 0] = 0
    variables = {"probability": (("species", "y", "x"), levels), "valid": (("y", "x"), valid)}
    coordinates = {
        **xr_coords(grid.geobox, dims=("y", "x")),
        "species": np.array(SPECIES, object),
        "threshold_f": ("species", np.array([0.5, 0.2, 0.8, 1.0], np.float32)),
    }
    return _with_crs(xr.Dataset(variables, coordinates))


@pytest.fixture
def indicators(grid: Grid) -> xr.Dataset:
    random = np.random.default_rng(1)
    expected = (random.random((6, *grid.shape)) * 20).astype(np.float32)
    expected[:, :8, :12] = np.nan
    codes = random.integers(1, 8, grid.shape).astype(np.uint8)
    codes[:8, :12] = 0
    dims = ("indicator", "y", "x")
    variables = {
        "expected": (dims, expected),
        "low": (dims, expected / 2),
        "high": (dims, expected * 1.5),
        "most_threatened": (("y", "x"), codes),
    }
    coordinates = {
        **xr_coords(grid.geobox, dims=("y", "x")),
        "indicator": np.array(INDICATORS, object),
    }
    return _with_crs(xr.Dataset(variables, coordinates))


def _with_crs(cube: xr.Dataset) -> xr.Dataset:
    for name in cube.data_vars:
        cube[name].encoding["grid_mapping"] = "spatial_ref"
    return cube
