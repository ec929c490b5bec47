import re

import numpy as np
import pytest
import rasterio

from biomap_xr.covariates.check import check_sources
from biomap_xr.errors import InputError


@pytest.fixture
def root(factory, tmp_path):
    return factory.write_region(tmp_path / "region").root


def test_a_good_region_passes(region, factory, grid):
    check_sources(factory.all_settings(region.root), grid)


def spoil(root, factory, name, **changes):
    path = root / name
    with rasterio.open(path) as file:
        values, given = file.read(), {"bands": file.descriptions, "nodata": file.nodata}
        given["resolution"], given["crs"] = file.transform.a, file.crs
    values = changes.pop("values", values)
    if not all(given["bands"]):
        given["bands"] = None
    path.unlink()
    factory.write_raster(path, values, **{**given, **changes})


LANDSAT = "rasters/landsat/landsat_2001_q2.tif"


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (LANDSAT, {"crs": None}, "has no CRS"),
        (LANDSAT, {"bands": list("abcdef")}, r"'red'.* occur"),
        (LANDSAT, {"values": np.zeros((6, 67, 67), np.uint16)}, "expected uint8"),
        (LANDSAT, {"corner": (0, 0)}, "they do not meet"),
        (
            "rasters/climate/tas_2001.tif",
            {"values": np.zeros((11, 9, 9), np.uint16)},
            r"\[12\] occur",
        ),
        ("rasters/land_cover.tif", {"values": np.zeros((200, 200), np.float32)}, "whole numbers"),
        ("rasters/sentinel2/S2_20210701.tif", {"bands": list("abcd")}, r"'red'.* occur"),
    ],
)
def test_each_problem_is_named(root, factory, grid, name, changes, message):
    spoil(root, factory, name, **changes)
    with pytest.raises(InputError, match=message) as error:
        check_sources(factory.all_settings(root), grid)
    assert name in str(error.value)


def test_all_problems_are_told_at_once(root, factory, grid):
    (root / LANDSAT).unlink()
    (root / "vectors/land.gpkg").unlink()
    (root / "rasters/predictors/elevation.tif").unlink()
    with pytest.raises(InputError, match=r"^3 problem") as error:
        check_sources(factory.all_settings(root), grid)
    assert len(re.findall("does not exist", str(error.value))) == 3


def test_scenes_must_be_there_and_meet_the_map(root, factory, grid):
    settings = factory.all_settings(root, sentinel2={"files": "nothing/S2_{date}.tif"})
    with pytest.raises(InputError, match="nothing"):
        check_sources(settings, grid)
    for path in (root / "rasters/sentinel2").glob("S2_????????.tif"):
        spoil(root, factory, path.relative_to(root), corner=(0, 0))
    with pytest.raises(InputError, match="none of 3 scenes meets the map's extent"):
        check_sources(factory.all_settings(root), grid)


def aligned(factory, root, grid, shift, resolution=100):
    path = root / "rasters/predictors/aligned.tif"
    corner = (factory.X0 + shift, factory.Y1)
    factory.write_raster(path, np.ones((20, 20), np.float32), resolution=resolution, corner=corner)
    variable = {"name": "a", "path": "rasters/predictors/aligned.tif", "aligned": True}
    check_sources(factory.all_settings(root, predictors={"variables": [variable]}), grid)


def test_a_raster_declared_as_aligned_must_be(root, factory, grid):
    aligned(factory, root, grid, 0)
    aligned(factory, root, grid, 100)
    for shift, resolution in [(0.001, 100), (50, 100), (0, 100.0001)]:
        with pytest.raises(InputError, match="declared as aligned, but its grid is EPSG:3035"):
            aligned(factory, root, grid, shift, resolution)


def test_a_column_of_polygons_must_be_there(root, factory, grid):
    masks = {"ecoregion": {"path": "vectors/ecoregions.gpkg", "column": "eco"}}
    with pytest.raises(InputError, match="no column 'eco'; it has \\['code'\\]"):
        check_sources(factory.all_settings(root, masks=masks), grid)


def test_a_resolution_that_does_not_divide_the_tile_is_told(root, factory, grid):
    settings = factory.all_settings(root, climate={"resolution": 700, "years": factory.YEARS})
    with pytest.raises(InputError, match="no whole number of cells of 700 m"):
        check_sources(settings, grid)
