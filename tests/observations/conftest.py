"""A small grid, rows on it, and the real tables, for all tests of this room."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.sparse import csr_array

from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.observations.plot_assembly import FURTHER
from biomap_xr.observations.plots import Plots
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


@pytest.fixture(scope="session")
def make_plots():
    """Make plots of dicts of species and cover, one each; what is not given is unknown."""

    def make(*covers, **fields):
        species = tuple(sorted({name for plot in covers for name in plot}))
        matrix = np.array([[plot.get(name, 0) for name in species] for plot in covers], np.float32)
        count = len(covers)
        names = np.array(fields.pop("plot_id", [f"p{i}" for i in range(count)]), object)
        header = pd.DataFrame(fields.pop("header", {}), index=range(count)).reindex(
            columns=list(FURTHER)
        )
        return Plots(
            plot_id=names,
            cover=csr_array(matrix.reshape(count, len(species))),
            species=species,
            labels=tuple(map(tuple, fields.pop("labels", [()] * count))),
            longitude=np.array(fields.pop("longitude", [np.nan] * count), float),
            latitude=np.array(fields.pop("latitude", [np.nan] * count), float),
            site=np.array(fields.pop("site", names), object),
            header=header,
            **fields,
        )

    return make
