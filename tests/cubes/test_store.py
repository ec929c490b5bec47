from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from biomap_xr.cubes import (
    Coordinate,
    Cube,
    Variable,
    declare,
    open_cube,
    update_attributes,
    write_block,
)
from biomap_xr.errors import CorruptError, InputError


def test_cube_is_read_by_plain_xarray_with_its_crs(tmp_path, cube):
    declare(tmp_path / "species.zarr", cube)
    dataset = xr.open_zarr(tmp_path / "species.zarr", decode_coords="all")
    assert dataset.odc.crs.to_epsg() == 3035
    assert dataset.attrs["title"] == "test"
    assert dataset.species.values.tolist()[0] == "Aster alpha"
    assert dataset.species_id.values.tolist() == [10, 11, 12, 13, 14]
    assert dataset.x.values[0] == 4_000_025
    assert dataset.y.values[0] == 2_800_975


def test_open_cube_keeps_types_and_the_grid(tmp_path, cube):
    declare(tmp_path / "s.zarr", cube)
    dataset = open_cube(tmp_path / "s.zarr")
    assert dataset.probability.dtype == np.uint8
    assert dataset.odc.geobox == cube.grid.geobox
    assert dataset.probability.chunks is None
    assert open_cube(tmp_path / "s.zarr", chunks={}).probability.chunks[0] == (1, 1, 1, 1, 1)


def test_declaring_again_keeps_what_is_there(tmp_path, cube):
    store = tmp_path / "s.zarr"
    declare(store, cube)
    write_block(store, "", "valid", np.ones((20, 20), np.uint8), {"y": 0, "x": 20})
    declare(store, replace(cube, attributes={"title": "another title"}))
    assert open_cube(store).valid.values.sum() == 400


def test_another_declaration_is_refused_and_nothing_is_lost(tmp_path, cube):
    store = tmp_path / "s.zarr"
    declare(store, cube)
    before = sorted(path.read_bytes() for path in store.rglob("*") if path.is_file())
    other = {**cube.coordinates, "species": Coordinate(("species",), np.array(list("abcde")))}
    with pytest.raises(InputError, match="declared with another grid"):
        declare(store, replace(cube, coordinates=other))
    assert sorted(path.read_bytes() for path in store.rglob("*") if path.is_file()) == before


def test_groups_nest_at_their_own_resolution(tmp_path, cube, grid):
    store = tmp_path / "covariates.zarr"
    for group, resolution in (("sentinel2", 10), ("by/level", 100)):
        values = Variable("values", ("y", "x"), "float32", np.nan, {"units": "1"})
        declare(store, Cube(group, grid.with_resolution(resolution), (values,)))
    assert open_cube(store, "sentinel2")["values"].shape == (100, 200)
    assert open_cube(store, "by/level")["values"].shape == (10, 20)
    assert xr.open_zarr(store, group="by/level")["values"].isnull().all()


def test_attributes_are_added(tmp_path, cube):
    declare(tmp_path / "s.zarr", cube)
    update_attributes(tmp_path / "s.zarr", "", {"lost": 0.004, "title": "new"})
    assert xr.open_zarr(tmp_path / "s.zarr").attrs["lost"] == 0.004
    assert open_cube(tmp_path / "s.zarr").attrs["title"] == "new"


def test_missing_cube_and_missing_crs_are_named(tmp_path):
    with pytest.raises(InputError, match="is no Zarr group"):
        open_cube(tmp_path / "nowhere.zarr")
    xr.Dataset({"a": ("x", [1.0])}).to_zarr(
        tmp_path / "bare.zarr", zarr_format=3, consolidated=False
    )
    with pytest.raises(InputError, match="carries no CRS"):
        open_cube(tmp_path / "bare.zarr")


def test_garbage_in_the_place_of_a_cube_is_reported(tmp_path, cube):
    (tmp_path / "s.zarr").mkdir()
    (tmp_path / "s.zarr" / "zarr.json").write_text("not json")
    with pytest.raises(CorruptError, match="no readable Zarr group"):
        declare(tmp_path / "s.zarr", cube)
