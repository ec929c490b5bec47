import pickle

import numpy as np
import pytest
from tiny_run import filling_of

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import Coordinate, Cube, Variable, declare, open_cube, write_block
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.pipeline.makers.environment_maps import MaskContent, programs_of
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.rules import rules_of_run
from biomap_xr.programs.by_environment import loaded, percent, predictors_on

GRID = Grid.from_settings(
    GridSettings(
        resolution=100,
        tile=1200,
        extent=Extent(x_min=4_000_800, y_min=2_799_600, x_max=4_003_200, y_max=2_802_000),
    )
)


@pytest.mark.parametrize("resolution", [50, 100, 150, 300])
def test_each_cell_takes_the_pixel_of_its_centre(resolution, tmp_path):
    store, pixels = tmp_path / "covariates.zarr", GRID.with_resolution(resolution)
    variables = (Variable("predictors", ("variable", "y", "x"), "float32", float("nan"), {}),)
    names = {"variable": Coordinate(("variable",), np.array(["a"]))}
    declare(store, Cube("predictors", pixels, variables, names))
    values = np.arange(np.prod(pixels.shape), dtype=np.float32).reshape(1, *pixels.shape)
    write_block(store, "predictors", "predictors", values, {})
    covariates = Covariates(store, GRID)
    for tile in GRID.tiles():
        found = predictors_on(covariates, tile)
        assert found.shape == (1, 12, 12)
        rows, columns = np.indices(GRID.shape)
        from_whole = values[
            0,
            ((rows + 0.5) * 100 // resolution).astype(int),
            ((columns + 0.5) * 100 // resolution).astype(int),
        ]
        np.testing.assert_array_equal(found[0], from_whole[tile.window.rows, tile.window.columns])


def test_percentages_are_rounded_and_missing_ones_marked():
    values = np.array([0, 0.49, 0.5, 99.6, 100.0000076, np.nan], np.float32)
    assert percent(values).tolist() == [0, 0, 1, 100, 100, 255]


@pytest.fixture(scope="module")
def programs(environment):
    recipe = environment.recipe.anchored(environment.workspace.root)
    covariates = Covariates.open(environment.workspace.covariates, Grid.from_settings(recipe.grid))
    filling = filling_of(environment.workspace)
    regions = MaskContent.of(recipe, covariates, environment.workspace.contents).regions
    observer = Observer(recipe, environment.workspace)
    rules = rules_of_run(observer, covariates, environment.formations, regions, filling)
    return programs_of(recipe, environment.formations, covariates, rules, filling)


def test_programs_that_travelled_write_the_same_shards(programs, environment):
    tile = next(Grid.from_settings(environment.recipe.grid).tiles())
    for program in (programs.environment, programs.wall_to_wall):
        travelled = pickle.loads(pickle.dumps(program))
        assert len(pickle.dumps(program)) < 100_000
        receipt = environment.workspace.ledger(program.name).read(tile.name)
        assert receipt.fingerprint == program.fingerprint
        assert travelled(tile).shards == receipt.shards


def test_a_worker_loads_an_ensemble_once(environment):
    model = environment.formations[0]
    assert loaded(model.folder, model.weights) is loaded(model.folder, model.weights)


def test_statistics_say_where_models_predicted(programs, environment):
    store = environment.workspace.habitats
    receipts = list(environment.workspace.ledger("environment").receipts())
    total = np.sum([each.statistics["predicted"] for each in receipts], axis=0)
    cubes = (open_cube(store, f"by_environment/{each}") for each in ("N", "R", "T"))
    assert total.tolist() == [int((cube["committee"] != 255).sum()) for cube in cubes]
    land = open_cube(environment.workspace.covariates, "masks")["land"]
    assert sum(each.statistics["land"] for each in receipts) == int((land == 1).sum())
