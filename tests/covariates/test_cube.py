import pickle

import numpy as np
import pytest

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Extent, Grid, GridSettings, Window


@pytest.fixture(scope="module")
def covariates(store, grid):
    return Covariates.open(store, grid)


def test_groups_grids_and_labels(covariates):
    assert set(covariates.groups) == {"sentinel2", "landsat", "climate", "predictors", "masks"}
    assert covariates.grid_of("sentinel2").resolution == 10
    assert covariates.ratio("sentinel2") == 5
    assert covariates.ratio("climate") == pytest.approx(0.1)
    assert covariates.years("landsat") == [2000, 2001, 2002]
    assert covariates.names("climate") == ("pr", "tas", "tasmax", "tasmin")
    assert covariates.names("landsat")[-1] == "swir2"
    assert covariates.fill("climate") == 65535


@pytest.mark.parametrize("group", ["sentinel2", "landsat", "climate", "predictors"])
def test_a_window_is_the_padded_whole(covariates, store, grid, group):
    variable = {"climate": "climate", "predictors": "predictors"}.get(group, "reflectance")
    whole = open_cube(store, group)[variable].values
    pad = [(0, 0)] * (whole.ndim - 2) + [(3, 3), (3, 3)]
    padded = np.pad(whole, pad, constant_values=covariates.fill(group))
    for tile in grid.tiles():
        side = whole.shape[-1] // 2
        rows, columns = tile.row * side, tile.column * side
        expected = padded[..., rows : rows + side + 6, columns : columns + side + 6]
        np.testing.assert_array_equal(covariates.window(group, variable, tile, 3), expected)


def test_a_window_beside_the_extent_is_all_missing(covariates):
    found = covariates.read("landsat", "reflectance", Window(slice(-9, -4), slice(100, 103)))
    assert found.shape == (6, 4, 3, 5, 3)
    assert (found == 255).all()


def test_pixels_of_cells(covariates):
    cells = Cells(np.array([0, 9, 10, 39]), np.array([0, 1, 2, 3]))
    assert covariates.pixels_of("climate", cells).row.tolist() == [0, 0, 1, 3]
    assert covariates.pixels_of("sentinel2", cells).column.tolist() == [2, 7, 12, 17]


def test_a_handle_travels(covariates):
    again = pickle.loads(pickle.dumps(covariates))
    assert again.fingerprint == covariates.fingerprint
    assert len(again.fingerprint) == 64


def test_what_is_not_there_is_named(covariates, store, grid, tmp_path):
    with pytest.raises(InputError, match="has no landsat/ndvi"):
        covariates.array("landsat", "ndvi")
    with pytest.raises(InputError, match="is no covariates cube"):
        Covariates.open(tmp_path, grid)
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_003_000, y_max=2_802_000)
    other = Grid.from_settings(GridSettings(tile=1_000, extent=extent))
    with pytest.raises(InputError, match="do not fit the map's 40 x 60 cells"):
        Covariates.open(store, other)
