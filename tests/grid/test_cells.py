import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Extent, Grid, GridSettings, Points

SQUARE = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_050_000, y_max=2_850_000)


@pytest.fixture
def grid():
    return Grid.from_settings(GridSettings(extent=SQUARE))


def test_europe_has_paper_2_extent_and_whole_tiles():
    grid = Grid.from_settings(GridSettings())
    assert grid.shape == (92_000, 130_000)
    assert grid.tile_shape == (184, 260)
    assert grid.with_resolution(100).shape == (46_000, 65_000)


def test_tiles_cover_the_grid_once(grid):
    seen = np.zeros(grid.shape, int)
    for tile in grid.tiles():
        window = tile.window
        seen[window.rows, window.columns] += 1
        assert grid.geobox[window.rows, window.columns] == tile.geobox
        assert grid.tile(tile.name) == tile
    assert (seen == 1).all()


def test_first_tile_is_the_north_western(grid):
    assert [tile.name for tile in grid.tiles()] == [
        "25kmE4000N2825",
        "25kmE4025N2825",
        "25kmE4000N2800",
        "25kmE4025N2800",
    ]


def test_cells_are_counted_from_the_north_west_and_minus_one_is_outside(grid):
    points = Points(
        np.array([4_000_000.0, 4_049_999, 3_999_999]), np.array([2_849_999.0, 2_800_001, 0])
    )
    cells = grid.cells_of(points)
    assert cells.row.tolist() == [0, 999, -1]
    assert cells.column.tolist() == [0, 999, -1]
    assert cells.inside.tolist() == [True, True, False]


@given(row=st.integers(0, 999), column=st.integers(0, 999))
def test_centre_of_a_cell_lies_in_it(row, column):
    grid = Grid.from_settings(GridSettings(extent=SQUARE))
    cells = Cells(np.array([row]), np.array([column]))
    back = grid.cells_of(grid.centres_of(cells))
    assert (back.row[0], back.column[0]) == (row, column)


def test_other_resolution_keeps_extent_and_tiles(grid):
    fine = grid.with_resolution(10)
    assert fine.geobox.boundingbox == grid.geobox.boundingbox
    assert [t.name for t in fine.tiles()] == [t.name for t in grid.tiles()]
    with pytest.raises(InputError, match="no whole number of cells of 300 m"):
        grid.with_resolution(300)


def test_padded_window_grows_on_each_side(grid):
    window = grid.tile_at(0, 0).window.padded(10)
    assert window.shape == (520, 520)
    assert window.rows.start == -10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("25kmE4100N2800", "outside"),
        ("10kmE4000N2800", "10000 m wide"),
        ("somewhere", "no EEA cell code"),
        ("25kmE4001N2800", "the tile there is '25kmE4000N2800'"),
    ],
)
def test_wrong_tile_names_are_explained(grid, name, message):
    with pytest.raises(InputError, match=message):
        grid.tile(name)
