"""A tiny simulated region in the layout of real files: 2 x 2 tiles of 20 x 20 cells of 50 m."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.warp
import shapely
from affine import Affine

from biomap_xr.covariates.gather import declare_covariates
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.grid import Extent, Grid, GridSettings

X0, Y1 = 4_000_000, 2_802_000
SIDE = 2_000


def write_raster(
    path, values, *, resolution, crs="EPSG:3035", corner=(X0, Y1), nodata=None, bands=None
):
    """Write (band, y, x), north up, from the upper left corner."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = Affine(resolution, 0, corner[0], 0, -resolution, corner[1])
    profile = {
        "driver": "GTiff",
        "count": len(values),
        "height": values.shape[1],
        "width": values.shape[2],
    }
    with rasterio.open(
        path, "w", **profile, dtype=values.dtype, crs=crs, transform=affine, nodata=nodata
    ) as file:
        file.write(values)
        for number, name in enumerate(bands or (), 1):
            file.set_band_description(number, name)
    return path


@pytest.fixture(scope="session")
def grid():
    extent = Extent(x_min=X0, y_min=Y1 - SIDE, x_max=X0 + SIDE, y_max=Y1)
    return Grid.from_settings(GridSettings(tile=1_000, extent=extent))


@dataclass(frozen=True)
class Region:
    """Files below a folder, and what was written into them."""

    root: Path
    sentinel2: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    landsat: np.ndarray
    elevation: np.ndarray


YEARS = (2000, 2002)


def write_region(root, *, sea=True):
    """Write all groups; water in the eastern 10 cells where ``sea``."""
    random = np.random.default_rng(1)
    sentinel2, masks = {}, {}
    for day in ("20210401", "20210701", "20211001", "20220101"):
        values = random.integers(1, 9_000, (4, 200, 200)).astype(np.uint16)
        valid = (random.random((200, 200)) > 0.3).astype(np.uint8)
        path = root / f"rasters/sentinel2/S2_{day}.tif"
        write_raster(path, values, resolution=10, nodata=0, bands=("red", "green", "blue", "nir"))
        write_raster(path.with_name(f"S2_{day}_mask.tif"), valid, resolution=10)
        sentinel2[day], masks[day] = values, valid
    bands = ("red", "green", "blue", "nir", "swir1", "swir2")
    landsat = random.integers(0, 255, (3, 4, 6, 67, 67)).astype(np.uint8)
    landsat[0, 0, :, :10] = 255
    for year in range(3):
        for quarter in range(4):
            name = root / f"rasters/landsat/landsat_{2000 + year}_q{quarter + 1}.tif"
            write_raster(name, landsat[year, quarter], resolution=30, nodata=255, bands=bands)
    _write_climate(root, random)
    elevation = random.random((80, 80)).astype(np.float32) * 100
    write_raster(root / "rasters/predictors/elevation.tif", elevation, resolution=25, nodata=-9999)
    write_raster(root / "rasters/predictors/slope.tif", elevation[::4, ::4] * 2, resolution=100)
    write_raster(
        root / "rasters/land_cover.tif",
        random.integers(1, 4, (200, 200)).astype(np.uint8),
        resolution=10,
    )
    _write_vectors(root, sea)
    return Region(root, sentinel2, masks, landsat, elevation)


def _write_climate(root, random):
    corner = rasterio.warp.transform("EPSG:3035", "EPSG:4326", [X0], [Y1])
    west, north = corner[0][0] - 0.1, corner[1][0] + 0.1
    for name, low in {"pr": 5_000, "tas": 2_800, "tasmax": 2_900, "tasmin": 2_700}.items():
        for year in range(2000, 2003):
            values = (low + random.integers(0, 50, (12, 30, 30))).astype(np.uint16)
            path = root / f"rasters/climate/{name}_{year}.tif"
            write_raster(
                path,
                values,
                resolution=1 / 120,
                crs="EPSG:4326",
                corner=(west, north),
                nodata=65535,
            )


def _write_vectors(root, sea):
    (root / "vectors").mkdir()
    land = shapely.box(X0, Y1 - SIDE, X0 + SIDE - (500 if sea else 0), Y1)
    gpd.GeoDataFrame(geometry=[land], crs="EPSG:3035").to_file(root / "vectors/land.gpkg")
    parts = [
        shapely.box(X0 - 9, Y1 - SIDE, X0 + 1_000, Y1 + 9),
        shapely.box(X0 + 1_000, Y1 - SIDE, X0 + 1_500, Y1),
    ]
    table = gpd.GeoDataFrame({"code": [686, 12]}, geometry=parts, crs="EPSG:3035")
    table.to_file(root / "vectors/ecoregions.gpkg")


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    return write_region(tmp_path_factory.mktemp("region"))


def all_settings(root, **changes):
    """Settings of every group in the layout of the region."""
    sections = {
        "root": root,
        "sentinel2": {},
        "landsat": {"years": YEARS},
        "climate": {"years": YEARS, "resolution": 500},
        "predictors": {
            "variables": [
                {
                    "name": "elevation",
                    "path": "rasters/predictors/elevation.tif",
                    "unit": "m",
                    "valid_range": (-10, 200),
                },
                {
                    "name": "cover",
                    "path": "rasters/land_cover.tif",
                    "kind": "proportions",
                    "classes": {"forest": (1,), "meadow": (2,), "rock": (3,)},
                },
            ]
        },
        "masks": {
            "land": {"path": "vectors/land.gpkg"},
            "ecoregion": {"path": "vectors/ecoregions.gpkg", "column": "code"},
            "land_cover": {"path": "rasters/land_cover.tif"},
            # Its land cover is noise without a sea.
            "land_from": "land",
        },
    }
    return CovariateSettings.model_validate({**sections, **changes})


def gather_all(store, settings, grid):
    """Fill the whole cube and return its programs."""
    programs = declare_covariates(store, settings, grid)
    for program in (programs.masks, programs.covariates):
        for tile in grid.tiles():
            program(tile)
    return programs


@pytest.fixture(scope="session")
def store(tmp_path_factory, region, grid):
    path = tmp_path_factory.mktemp("workspace") / "covariates.zarr"
    gather_all(path, all_settings(region.root), grid)
    return path


@pytest.fixture(scope="session")
def factory():
    """The functions above, since tests cannot import this file."""
    names = ("write_raster", "write_region", "all_settings", "gather_all", "X0", "Y1", "YEARS")
    return type(
        "Factory",
        (),
        {
            name: staticmethod(globals()[name]) if callable(globals()[name]) else globals()[name]
            for name in names
        },
    )
