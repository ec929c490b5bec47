from datetime import date

import pytest
from pydantic import ValidationError

from biomap_xr.grid import Grid
from biomap_xr.virtual.settings import LARGE, TINY, TileCount, VirtualSettings


def test_tiles_and_origin_make_the_grid() -> None:
    settings = VirtualSettings(tiles=TileCount(columns=3, rows=2), tile=10_000)
    grid = Grid.from_settings(settings.grid_settings())
    assert [tile.name for tile in grid.tiles()][:3] == [
        "10kmE400N281",
        "10kmE401N281",
        "10kmE402N281",
    ]
    assert grid.shape == (400, 600)


@pytest.mark.parametrize(
    ("tile", "scale"), [(100_000.0, LARGE), (1_000.0, TINY), (12_500.0, 12_500 / 3)]
)
def test_regions_are_a_sixth_of_the_map_within_bounds(tile: float, scale: float) -> None:
    assert VirtualSettings(tile=tile, resolution=tile / 20).regional_scale == scale


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scenes": ()}, "different"),
        ({"scenes": (date(2021, 5, 1), date(2021, 5, 1))}, "2021-05-01"),
        ({"patches": 9, "surveys": 8}, "9 exceeds the 8"),
        ({"resolution": 30}, "no whole number"),
        ({"origin": {"x": 10.0, "y": 0.0}}, "multiples"),
        ({"skill": 0.99}, "0.96"),
        ({"colour": 1}, "colour"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        VirtualSettings.model_validate(wrong)
