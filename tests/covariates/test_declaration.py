import pytest

from biomap_xr.covariates.declaration import MASKS, cubes_of
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Extent, Grid, GridSettings

ALL = {
    "sentinel2": {},
    "landsat": {},
    "climate": {},
    "predictors": {"variables": [{"name": "a", "path": "a.tif"}, {"name": "b", "path": "b.tif"}]},
    "masks": {name: {"path": f"{name}.tif"} for name in MASKS},
}


@pytest.fixture(scope="module")
def paper_grid():
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_050_000, y_max=2_825_000)
    return Grid.from_settings(GridSettings(extent=extent))


def test_shapes_and_shards_at_the_papers_size(paper_grid):
    cubes = cubes_of(CovariateSettings.model_validate(ALL), paper_grid)
    shapes = {
        f"{group}/{variable.name}": (cube.shape_of(variable), cube.shards_of(variable))
        for group, cube in cubes.items()
        for variable in cube.variables
    }
    assert shapes["sentinel2/reflectance"] == ((4, 2500, 5000), (4, 2500, 2500))
    assert shapes["landsat/reflectance"] == ((6, 4, 21, 500, 1000), (6, 4, 21, 500, 500))
    assert shapes["climate/climate"] == ((4, 19, 12, 25, 50), (4, 19, 12, 25, 25))
    assert shapes["predictors/predictors"] == ((2, 250, 500), (2, 250, 250))
    assert {name for name in shapes if name.startswith("masks")} == {f"masks/{m}" for m in MASKS}


def test_missing_values_are_those_of_the_published_cubes(paper_grid):
    cubes = cubes_of(CovariateSettings.model_validate(ALL), paper_grid)
    fills = {group: cube.variables[0].fill for group, cube in cubes.items()}
    assert (fills["sentinel2"], fills["landsat"], fills["climate"]) == (0, 255, 65_535)
    assert fills["predictors"] != fills["predictors"]


def test_only_groups_that_are_given_are_declared(paper_grid):
    assert list(cubes_of(CovariateSettings(), paper_grid)) == ["masks"]
    kept = cubes_of(CovariateSettings.model_validate(ALL), paper_grid, ("b",))["predictors"]
    assert kept.coordinates["variable"].values.tolist() == ["b"]


def test_a_resolution_that_does_not_divide_the_tile_is_an_error(paper_grid):
    settings = CovariateSettings.model_validate({"climate": {"resolution": 700}})
    with pytest.raises(InputError, match="no whole number of cells of 700 m"):
        cubes_of(settings, paper_grid)
