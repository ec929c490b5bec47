"""The declared cube holds exactly what the two faces make."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from biomap_xr.cubes import declare, open_cube, write_block
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.indicators.cube import indicators_cube
from biomap_xr.indicators.sums import IndicatorMaps, Sums


@pytest.fixture
def grid() -> Grid:
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_000_400, y_max=2_800_200)
    return Grid.from_settings(GridSettings(extent=extent, tile=200.0))


def test_maps_of_a_tile_fit_the_declaration(grid: Grid, tmp_path: Path) -> None:
    cube = indicators_cube(grid, {"title": "test"})
    assert {variable.name for variable in cube.variables} == {
        field.name for field in fields(IndicatorMaps)
    }
    declare(tmp_path / "indicators.zarr", cube)
    valid = np.ones((4, 4), dtype=bool)
    valid[0, 0] = False
    chances = np.full((3, 15), 0.5, dtype=np.float32)
    sums = Sums.of(np.ones((6, 3)), chances, chances > 0.4, np.array([3, 4, 7], np.uint8))
    for name, values in sums.value().on_tile(valid).items():
        write_block(tmp_path / "indicators.zarr", "", name, values, {"y": 0, "x": 4})
    opened = open_cube(tmp_path / "indicators.zarr")
    assert opened["expected"].dims == ("indicator", "y", "x")
    assert opened["indicator"].to_numpy().tolist()[-1] == "specialist"
    assert opened["status"].to_numpy().tolist() == ["LC", "NT", "VU", "EN", "CR", "unknown"]
    richness = opened.sel(indicator="richness")
    np.testing.assert_allclose(richness["expected"][0, 5:], 1.5)
    assert np.isnan(richness["expected"][0, 4])
    # The other tile was never written.
    assert np.isnan(opened["expected"][:, :, :4]).all()
    assert opened["most_threatened"].to_numpy()[1, 4:].tolist() == [7] * 4
    assert (opened["most_threatened"].to_numpy()[:, :4] == 0).all()
