import datetime
import json
import os
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.composite import composite_strips
from biomap_xr.covariates.files import files_of_scene, find_scenes
from biomap_xr.covariates.scenes import scene_strip, to_reflectance
from biomap_xr.covariates.settings import Sentinel2Settings
from biomap_xr.errors import InputError


def test_scenes_of_the_period_in_order_with_their_masks(region):
    scenes = find_scenes(region.root, Sentinel2Settings())
    assert [str(scene.date) for scene in scenes] == ["2021-04-01", "2021-07-01", "2021-10-01"]
    files = [path.name for path, _ in files_of_scene(scenes[0], Sentinel2Settings().bands)]
    assert files == ["S2_20210401.tif", "S2_20210401_mask.tif"]


def test_a_strip_on_the_scenes_own_grid_is_what_the_file_holds(region, grid):
    scene = find_scenes(region.root, Sentinel2Settings())[1]
    cells = grid.with_resolution(10).geobox[50:100]
    values, valid = scene_strip(scene, Sentinel2Settings(), cells)
    np.testing.assert_array_equal(values, region.sentinel2["20210701"][:, 50:100])
    np.testing.assert_array_equal(valid, region.masks["20210701"][50:100] == 1)


def test_without_a_mask_only_nodata_counts(region, grid):
    settings = Sentinel2Settings(mask=None)
    values, valid = scene_strip(
        find_scenes(region.root, settings)[0], settings, grid.with_resolution(10).geobox[:50]
    )
    assert valid.all()
    assert values.min() >= 1


def test_clouds_take_no_part_in_interpolation(factory, grid, tmp_path):
    image = np.full((4, 202, 202), 500, np.uint16)
    image[:, 100:120, 60:90] = 9_000
    mask = np.where(image[0] == 9_000, 3, 1).astype(np.uint8)
    names = ("red", "green", "blue", "nir")
    corner = (factory.X0 - 13.7, factory.Y1 + 3.1)
    place = tmp_path / "S2_20210401.tif"
    factory.write_raster(place, image, resolution=10, corner=corner, nodata=0, bands=names)
    factory.write_raster(tmp_path / "S2_20210401_mask.tif", mask, resolution=10, corner=corner)
    settings = Sentinel2Settings(files="S2_{date}.tif")
    scene = find_scenes(tmp_path, settings)[0]
    values, valid = scene_strip(scene, settings, grid.with_resolution(10).geobox[:200])
    assert set(np.unique(values[:, valid])) == {500}
    assert (~valid).sum() == 20 * 30


def test_reflectance_is_scaled_and_never_the_missing_value():
    settings = Sentinel2Settings(scale=1, offset=-1000)
    raw = np.array([500, 1000, 1001, 4000], np.uint16)
    assert to_reflectance(raw, settings).tolist() == [1, 1, 1, 3000]
    assert to_reflectance(np.array([0], np.uint16), Sentinel2Settings()).tolist() == [1]


def test_a_float_scene_with_an_undeclared_nan_is_an_error(factory, grid, tmp_path):
    image = np.full((4, 200, 200), 0.3, np.float32)
    image[2, 7, 7] = np.nan
    names = ("red", "green", "blue", "nir")
    factory.write_raster(tmp_path / "S2_20210401.tif", image, resolution=10, bands=names)
    settings = Sentinel2Settings(files="S2_{date}.tif", mask=None, scale=10_000)
    scene = find_scenes(tmp_path, settings)[0]
    cells = grid.with_resolution(10).geobox[:50]
    with pytest.raises(InputError, match=r"nan .* is no number and not declared as nodata"):
        scene_strip(scene, settings, cells)
    declared = settings.model_copy(update={"nodata": float("nan")})
    values, valid = scene_strip(scene, declared, cells)
    assert (~valid).sum() == 1
    assert set(np.unique(values[:, valid])) == {3000}


def test_no_scene_in_the_period_is_an_error(region):
    settings = Sentinel2Settings(period={"start": "2019-01-01", "end": "2019-12-31"})
    with pytest.raises(InputError, match=r"2019-01-01..2019-12-31"):
        find_scenes(region.root, settings)


def listed(tmp_path, **changes):
    (tmp_path / "days.json").write_text(json.dumps(["2021-04-01T10:00:00", "2021-07-01T10:00:00"]))
    scene = {"path": "b.tif", "position": 1, "mask": "clouds.tif", "mask_band": 2}
    return Sentinel2Settings(scenes=[{**scene, **changes}], timestamps="days.json")


def test_listed_scenes_take_their_day_from_a_list(tmp_path):
    scene = find_scenes(tmp_path, listed(tmp_path))[0]
    assert str(scene.date) == "2021-07-01"
    assert (scene.mask.path.name, scene.mask.band) == ("clouds.tif", 2)


def test_positions_and_lists_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(InputError, match=r"position 7; 'days.json' holds 2 dates"):
        find_scenes(tmp_path, listed(tmp_path, position=7))
    settings = listed(tmp_path)
    (tmp_path / "days.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="is no JSON list of ISO dates"):
        find_scenes(tmp_path, settings)


def test_real_slovenian_scenes_composite_without_clouds():
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set")
    root = Path(os.environ["BIOMAP_XR_DATA"]) / "s2/slovenia"
    order = (2, 1, 4, 3, 0)
    scenes = [
        {"path": f"scene{n}_13bands_uint16_x10000.tif", "position": p, "mask_band": p + 1}
        for n, p in enumerate(order)
    ]
    settings = Sentinel2Settings(
        scenes=scenes,
        timestamps="timestamps.json",
        mask={"pattern": "cloudmask_68dates.tif", "valid": (0,)},
        bands=("B04", "B03", "B02", "B08"),
        period={"start": "2015-07-01", "end": "2015-12-01"},
    )
    found = find_scenes(root, settings)
    assert [str(scene.date) for scene in found][:2] == ["2015-07-11", "2015-07-31"]
    with rasterio.open(root / scenes[0]["path"]) as file:
        cells = GeoBox(file.shape, file.transform, file.crs)
        stack = [rasterio.open(root / s["path"]).read([4, 3, 2, 8]) for s in scenes]
    clouds = rasterio.open(root / "cloudmask_68dates.tif").read([p + 1 for p in order])
    readers = [lambda rows, s=s: scene_strip(s, settings, cells[rows, :]) for s in found]
    image = composite_strips(readers, (4, *cells.shape), "median")
    clear = np.where(clouds[:, None] == 0, np.stack(stack).astype(float), np.nan)
    there = (clouds == 0).any(axis=0)
    expected = np.floor(np.nanmedian(clear[:, :, there], axis=0) + 0.5)
    np.testing.assert_array_equal(image.reflectance[:, there], expected)
    np.testing.assert_array_equal(image.scenes, (clouds == 0).sum(axis=0))
    assert not image.reflectance[:, ~there].any()


def test_scenes_of_a_stac_catalogue_with_a_file_a_band(region, factory, grid, tmp_path):
    moment = datetime.datetime(2021, 7, 1, 10, tzinfo=datetime.UTC)
    item = pystac.Item("20210701", None, None, moment, {})
    names = ("red", "green", "blue", "nir")
    layers = dict(zip(names, region.sentinel2["20210701"], strict=True))
    for name, values in {**layers, "mask": region.masks["20210701"]}.items():
        path = factory.write_raster(tmp_path / f"{name}.tif", values, resolution=10)
        media = pystac.MediaType.GEOTIFF
        item.add_asset(name, pystac.Asset(str(path), media_type=media, roles=["data"]))
    pystac.ItemCollection([item]).save_object(str(tmp_path / "items.json"))
    settings = Sentinel2Settings(catalogue=str(tmp_path / "items.json"), mask={"band": "mask"})
    scene = find_scenes(region.root, settings)[0]
    assert len(list(files_of_scene(scene, names))) == 5
    values, valid = scene_strip(scene, settings, grid.with_resolution(10).geobox[:50])
    np.testing.assert_array_equal(values, region.sentinel2["20210701"][:, :50])
    np.testing.assert_array_equal(valid, region.masks["20210701"][:50] == 1)
