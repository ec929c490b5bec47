from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from biomap_xr.cubes import declare, open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid, GridSettings
from biomap_xr.habitats.cube import (
    by_environment_cube,
    by_species_cube,
    codes_of,
    wall_to_wall_cube,
)

CODES = ("R22", "T17")


def grid() -> Grid:
    extent = {"x_min": 4e6, "y_min": 3e6, "x_max": 4.01e6, "y_max": 3.005e6}
    return Grid.from_settings(
        GridSettings.model_validate({"resolution": 100, "tile": 5000, "extent": extent})
    )


def test_by_species_is_laid_out_as_declared(tmp_path: Path) -> None:
    declare(tmp_path / "h.zarr", by_species_cube(grid(), CODES, {}, probabilities=True))
    cube = open_cube(tmp_path / "h.zarr", "by_species")
    assert cube["habitat"].dtype == np.uint16
    assert cube["habitat"].dims == ("rank", "y", "x")
    assert cube["confidence"].dtype == cube["probability"].dtype == np.uint8
    assert cube["probability"].dims == ("eunis", "y", "x")
    assert cube["habitat_number"].values.tolist() == [5202, 7107]
    assert (cube["level1"] == 65535).all()
    assert (cube["confidence"] == 255).all()
    assert cube["level2_confidence"].dtype == np.uint8
    assert (cube["level2_confidence"] == 255).all()


def test_analysts_mask_maps_and_take_classes_by_their_codes(tmp_path: Path) -> None:
    declare(tmp_path / "h.zarr", by_species_cube(grid(), CODES, {}, probabilities=True))
    cube = xr.open_zarr(tmp_path / "h.zarr", group="by_species", mask_and_scale=False)
    levels = {"level1", "level2", "level1_confidence", "level2_confidence"}
    assert set(cube.data_vars) == {"habitat", "confidence", "probability"} | levels
    assert cube["probability"].sel(eunis="T17").dims == ("y", "x")
    # A coordinate would be left as it is.
    assert cube.where(cube["confidence"] < 0)["habitat"].isnull().all()


def test_without_probabilities(tmp_path: Path) -> None:
    declare(tmp_path / "h.zarr", by_species_cube(grid(), CODES, {}, probabilities=False))
    assert "probability" not in open_cube(tmp_path / "h.zarr", "by_species")


def test_formations_and_the_whole_share_a_store(tmp_path: Path) -> None:
    store = tmp_path / "h.zarr"
    declare(store, by_environment_cube(grid(), "T", ("T17",), {"voters": 15}))
    declare(store, wall_to_wall_cube(grid(), CODES, {"formation": 1, "urban": 2}, {}))
    assert open_cube(store, "by_environment/T").attrs["voters"] == 15
    assert open_cube(store, "wall_to_wall")["rule"].attrs["flag_meanings"] == "formation urban"


def test_the_codes_of_a_cube_are_those_it_was_declared_with(tmp_path: Path) -> None:
    declare(tmp_path / "h.zarr", by_species_cube(grid(), CODES, {}, probabilities=False))
    cube = open_cube(tmp_path / "h.zarr", "by_species")
    assert codes_of(cube) == CODES
    with pytest.raises(InputError, match="expected eunis"):
        codes_of(cube.drop_vars("eunis"))
