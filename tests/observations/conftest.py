"""A small grid, rows on it, and the real tables, for all tests of this room."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.observations.settings import ObservationSettings

BLANK = {
    "survey_id": "",
    "record_id": pd.NA,
    "longitude": np.nan,
    "latitude": np.nan,
    "year": 2020,
    "day": 0,
    "uncertainty_m": np.nan,
    "area_m2": np.nan,
    "species_id": pd.NA,
    "species": pd.NA,
    "taxon_rank": pd.NA,
    "subset": pd.NA,
    "region": pd.NA,
    "country": pd.NA,
    "patch_id": "",
    "time_series_id": "",
}
TYPES = {
    "longitude": "float64",
    "latitude": "float64",
    "uncertainty_m": "float64",
    "area_m2": "float64",
    "species_id": "Int64",
    **dict.fromkeys(
        ("survey_id", "species", "taxon_rank", "subset", "region", "country"), "string"
    ),
}


@pytest.fixture(scope="session")
def grid():
    """One tile of 500 x 500 cells of 50 m."""
    box = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_025_000, y_max=2_825_000)
    return Grid.from_settings(GridSettings(extent=box))


@pytest.fixture(scope="session")
def frame():
    """Make a canonical table of rows as dicts; what a row does not say is unknown."""

    def make(*rows):
        return pd.DataFrame([BLANK | row for row in rows], columns=list(BLANK)).astype(TYPES)

    return make


@pytest.fixture(scope="session")
def at():
    """Give the longitude and latitude of the centre of a cell of `grid`, as part of a row."""
    back = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)

    def place(row, column):
        longitude, latitude = back.transform(4_000_025 + 50 * column, 2_824_975 - 50 * row)
        return {"longitude": longitude, "latitude": latitude}

    return place


@pytest.fixture(scope="session")
def settings_of():
    """Make settings of tables of the kinds given, all of one species list."""

    def make(*kinds, **more):
        tables = [{"path": f"{kind}.csv", "kind": kind, "species_list": "list"} for kind in kinds]
        return ObservationSettings(tables=tables, **more)

    return make


@pytest.fixture(scope="session")
def data():
    """The folder of real data."""
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set: no real tables here")
    return Path(os.environ["BIOMAP_XR_DATA"])
