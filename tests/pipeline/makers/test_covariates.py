import numpy as np
import pytest
from tiny_run import SERIAL

from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.cubes import open_cube, write_block
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.covariates import gather, land_tiles, tiles_near_land
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import FillSettings


@pytest.fixture
def masked(tiny, tmp_path):
    """Masks alone, all of them land; and the recipe and the filling of such a run."""
    recipe = tiny.model_copy(update={"covariates": CovariateSettings()})
    with Workers(SERIAL) as workers:
        filling = Filling(Workspace(tmp_path), workers, FillSettings())
        gather(recipe, recipe.covariates, filling)
        yield recipe, filling


def only_land_at(filling, tiles, row, column):
    """Make all water but one cell of the whole grid."""
    for tile in tiles:
        rows, columns = tile.window.rows, tile.window.columns
        land = np.zeros(tile.shape, np.uint8)
        if rows.start <= row < rows.stop and columns.start <= column < columns.stop:
            land[row - rows.start, column - columns.start] = 1
        origin = {"y": rows.start, "x": columns.start}
        write_block(filling.workspace.covariates, "masks", "land", land, origin)


def test_without_a_layer_of_land_every_tile_is_wanted(masked):
    recipe, filling = masked
    names = [tile.name for tile in Grid.from_settings(recipe.grid).tiles()]
    assert [tile.name for tile in land_tiles(recipe, filling)] == names
    assert (open_cube(filling.workspace.covariates, "masks")["land"] == 1).all()


@pytest.mark.parametrize(
    ("row", "column", "predicted", "read"),
    [
        # Cells of 50 m, tiles of 50 x 50 of them: a prediction reaches 10 cells, an image window
        # 6.4 more.
        (25, 25, 1, 1),
        (25, 39, 1, 2),
        (25, 40, 2, 2),
        (33, 33, 1, 4),
        (32, 32, 1, 1),
        (49, 49, 4, 4),
    ],
)
def test_tiles_within_reach_of_land(masked, row, column, predicted, read):
    recipe, filling = masked
    tiles = tuple(Grid.from_settings(recipe.grid).tiles())
    only_land_at(filling, tiles, row, column)
    assert len(land_tiles(recipe, filling)) == predicted
    assert len(tuple(tiles_near_land(recipe, filling))) == read


def test_a_sea_without_land_is_an_error(masked):
    recipe, filling = masked
    tiles = tuple(Grid.from_settings(recipe.grid).tiles())
    only_land_at(filling, tiles, -1, -1)
    with pytest.raises(InputError, match=r"holds no land at all.*look at covariates\.masks\.land"):
        land_tiles(recipe, filling)


def test_the_program_of_a_finished_run_is_known_again(finished, tiny):
    recipe = tiny.anchored(finished.workspace.root)
    with Workers(SERIAL) as workers:
        filling = Filling(finished.workspace, workers, FillSettings())
        programs = gather(recipe, recipe.covariates, filling)
    receipts = list(finished.workspace.ledger("covariates").receipts())
    assert {receipt.fingerprint for receipt in receipts} == {programs.covariates.fingerprint}
    assert len(receipts) == 4
