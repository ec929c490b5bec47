"""Filling the covariates cube tile by tile."""

import os
import pickle

import numpy as np
import pytest

from biomap_xr.covariates.gather import check_share, declare_covariates, valid_share, with_land
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.run import Outcome
from biomap_xr.run.contents import Contents


def test_groups_hold_the_names_dims_and_types_of_the_design(store):
    expected = {
        "sentinel2": {
            "reflectance": (("band", "y", "x"), "uint16"),
            "scenes": (("y", "x"), "uint8"),
        },
        "landsat": {"reflectance": (("band", "quarter", "year", "y", "x"), "uint8")},
        "climate": {"climate": (("variable", "year", "month", "y", "x"), "uint16")},
        "predictors": {"predictors": (("variable", "y", "x"), "float32")},
        "masks": {
            "land": (("y", "x"), "uint8"),
            "ecoregion": (("y", "x"), "uint16"),
            "land_cover": (("y", "x"), "uint8"),
        },
    }
    for group, variables in expected.items():
        dataset = open_cube(store, group)
        found = {str(name): (v.dims, str(v.dtype)) for name, v in dataset.data_vars.items()}
        assert found == variables
        assert dataset.odc.crs.epsg == 3035


def test_sentinel2_is_the_median_of_the_valid_scenes_of_the_period(store, region):
    days = ("20210401", "20210701", "20211001")
    values = np.stack([region.sentinel2[day] for day in days]).astype(float)
    valid = np.stack([region.masks[day] for day in days]) == 1
    values[~np.broadcast_to(valid[:, None], values.shape)] = np.nan
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="All-NaN"):
        expected = np.floor(np.nanmedian(values, axis=0) + 0.5)
    cube = open_cube(store, "sentinel2")
    np.testing.assert_array_equal(cube["reflectance"].values, np.nan_to_num(expected))
    np.testing.assert_array_equal(cube["scenes"].values, valid.sum(axis=0))
    assert list(cube["band"].values) == ["red", "green", "blue", "nir"]


def test_landsat_is_sampled_at_cell_centres(store, region):
    index = np.floor((np.arange(40) * 50 + 25) / 30).astype(int)
    expected = np.moveaxis(region.landsat, (2, 1, 0), (0, 1, 2))[..., index[:, None], index]
    cube = open_cube(store, "landsat")
    np.testing.assert_array_equal(cube["reflectance"].values, expected)
    assert list(cube["year"].values) == [2000, 2001, 2002]


def test_predictors_average_a_finer_source_and_share_classes(store, region):
    cube = open_cube(store, "predictors")["predictors"]
    mean = region.elevation.astype(float).reshape(20, 4, 20, 4).mean(axis=(1, 3))
    assert list(cube["variable"].values) == [
        "elevation",
        "cover_forest",
        "cover_meadow",
        "cover_rock",
    ]
    np.testing.assert_allclose(cube.values[0], mean, rtol=1e-6)
    np.testing.assert_allclose(cube.values[1:].sum(axis=0), 1, rtol=1e-6)


def test_masks_say_land_and_codes(store):
    masks = open_cube(store, "masks")
    assert masks["land"].values[:, :30].all()
    assert not masks["land"].values[:, 30:].any()
    assert np.unique(masks["ecoregion"].values[:, :20]).tolist() == [686]
    assert np.unique(masks["ecoregion"].values[:, 20:30]).tolist() == [12]
    assert np.unique(masks["ecoregion"].values[:, 30:]).tolist() == [65535]


def test_a_program_is_small_and_gives_shards_that_are_on_disk(store, region, grid, factory):
    programs = declare_covariates(store, factory.all_settings(region.root), grid)
    tile = next(grid.tiles())
    outcome = pickle.loads(pickle.dumps(programs.covariates))(tile)
    assert len(pickle.dumps(programs.covariates)) < 10_000
    assert isinstance(outcome, Outcome)
    assert all(shard.is_intact(store.parent, deep=True) for shard in outcome.shards)
    assert {"land", "sentinel2", "landsat", "climate", "predictors"} == set(outcome.statistics)


def test_tiles_of_twice_the_size_give_the_same_cube(store, region, factory, tmp_path, grid):
    double = type(grid)(grid.geobox, 2 * grid.tile_cells)
    factory.gather_all(tmp_path / "covariates.zarr", factory.all_settings(region.root), double)
    for group in ("sentinel2", "landsat", "climate", "predictors", "masks"):
        one, other = open_cube(store, group), open_cube(tmp_path / "covariates.zarr", group)
        for name in one.data_vars:
            np.testing.assert_array_equal(one[name].values, other[name].values)


def test_fingerprints_follow_settings_and_files(region, grid, factory, tmp_path):
    root = factory.write_region(tmp_path / "copy").root
    settings = factory.all_settings(root)
    first = declare_covariates(tmp_path / "a.zarr", settings, grid)
    assert (
        declare_covariates(tmp_path / "b.zarr", settings, grid).covariates.fingerprint
        == first.covariates.fingerprint
    )
    factory.write_raster(
        root / "rasters/predictors/elevation.tif", np.ones((80, 80), np.float32), resolution=25
    )
    second = declare_covariates(tmp_path / "a.zarr", settings, grid)
    assert second.covariates.fingerprint != first.covariates.fingerprint
    assert second.masks.fingerprint == first.masks.fingerprint


def test_touching_sources_redoes_nothing_once_a_tile_has_read_them(
    region, grid, factory, tmp_path, monkeypatch
):
    monkeypatch.setattr("biomap_xr.run.contents.AT_ONCE", 0)
    root = factory.write_region(tmp_path / "copy").root
    settings, store = factory.all_settings(root), tmp_path / "a.zarr"
    contents = Contents(tmp_path / ".contents.sqlite")
    first = declare_covariates(store, settings, grid, contents)
    for tile in grid.tiles():
        first.masks(tile)
        first.covariates(tile)
    for path in root.rglob("*.tif"):
        os.utime(path, ns=(1, 1))
    second = declare_covariates(store, settings, grid, contents)
    assert second.covariates.fingerprint == first.covariates.fingerprint
    assert second.masks.fingerprint == first.masks.fingerprint


def test_a_tile_without_data_on_land_is_named(region, grid, factory, tmp_path):
    settings = factory.all_settings(region.root)
    changed = settings.model_copy(update={"predictors": None, "sentinel2": None, "climate": None})
    root = factory.write_region(tmp_path / "copy").root
    bands = ("red", "green", "blue", "nir", "swir1", "swir2")
    for path in (root / "rasters/landsat").iterdir():
        values = np.full((6, 67, 67), 7, np.uint8)
        values[:, :10] = 255
        factory.write_raster(path, values, resolution=30, nodata=255, bands=bands)
    programs = declare_covariates(
        tmp_path / "c.zarr", changed.model_copy(update={"root": root}), grid
    )
    tile = next(grid.tiles())
    programs.masks(tile)
    with pytest.raises(
        InputError,
        match=r"1kmE4000N2801, group landsat: the valid share is 0.7000 and the land share 1.0000",
    ):
        programs.covariates(tile)


def test_shares():
    land = np.array([[True, True], [True, False]])
    assert valid_share(np.ones((4, 4), bool), land) == 0.75
    assert valid_share(np.zeros((1, 1), bool), land) == 0


def test_no_value_at_all_on_land_is_an_error_whatever_the_tolerance(grid):
    tile = next(grid.tiles())
    check_share(tile, "climate", 0.0, 0.0, 0.0)
    check_share(tile, "climate", 0.4, 0.5, 0.2)
    with pytest.raises(InputError, match="no land cell has a value"):
        check_share(tile, "climate", 0.0, 0.01, 1.0)


def test_land_as_it_was_made_counts_not_its_files(region, grid, factory, tmp_path):
    root = factory.write_region(tmp_path / "copy").root
    settings = factory.all_settings(root)
    settings = settings.model_copy(
        update={
            "predictors": None,
            "masks": settings.masks.model_copy(update={"land_from": "land_cover"}),
        }
    )
    store = tmp_path / "covariates.zarr"

    def gathered():
        programs = declare_covariates(store, settings, grid)
        shards = [shard for tile in grid.tiles() for shard in programs.masks(tile).shards]
        programs = with_land(programs, shards)
        return programs, open_cube(store, "masks").attrs["land_content"]

    (first, land), cover = gathered(), root / "rasters/land_cover.tif"
    factory.write_raster(cover, np.full((200, 200), 23, np.uint8), resolution=10)
    second, same = gathered()
    assert second.masks.fingerprint != first.masks.fingerprint
    assert (second.covariates.fingerprint, same) == (first.covariates.fingerprint, land)
    sea = np.full((200, 200), 23, np.uint8)
    sea[:, 180:] = 44
    factory.write_raster(cover, sea, resolution=10)
    third, other = gathered()
    assert third.covariates.fingerprint != first.covariates.fingerprint
    assert other != land
