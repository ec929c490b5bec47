import numpy as np
import pytest
import rasterio.warp
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from biomap_xr.covariates.harmonise import (
    bilinear,
    cell_means,
    check_values,
    nearest,
    proportions,
    valid_values,
)
from biomap_xr.covariates.positions import Positions, positions
from biomap_xr.errors import InputError

SOURCE = GeoBox.from_bbox((8.0, 48.0, 8.4, 48.4), "EPSG:4326", resolution=1 / 120)
CELLS = GeoBox.from_bbox((4_170_000, 2_770_000, 4_195_000, 2_790_000), "EPSG:3035", resolution=1000)


def gdal(values, resampling):
    """GDAL's warper with exact positions and a fixed kernel."""
    profile = {"driver": "GTiff", "count": 1, "height": SOURCE.shape[0], "width": SOURCE.shape[1]}
    target = {"crs": "EPSG:3035", "transform": CELLS.affine, "nodata": np.nan}
    with MemoryFile() as memory:
        with memory.open(
            **profile, dtype="float32", crs="EPSG:4326", transform=SOURCE.affine, nodata=np.nan
        ) as file:
            file.write(values.astype(np.float32), 1)
        height, width = CELLS.shape
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                **target,
                height=height,
                width=width,
                resampling=resampling,
                tolerance=1e-9,
                XSCALE=1,
                YSCALE=1,
            ) as view,
        ):
            return view.read(1)


@pytest.fixture
def values():
    random = np.random.default_rng(3)
    values = random.normal(size=SOURCE.shape) * 10
    values[random.random(SOURCE.shape) < 0.15] = np.nan
    values[10:20, 10:20] = np.nan
    return values


def test_bilinear_equals_gdal_with_missing_pixels(values):
    where = positions(CELLS, SOURCE)
    found = bilinear(values[None], ~np.isnan(values)[None], where)[0]
    expected = gdal(values, rasterio.warp.Resampling.bilinear)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_nearest_equals_gdal(values):
    found = nearest(values, positions(CELLS, SOURCE), np.nan)
    np.testing.assert_allclose(found, gdal(values, rasterio.warp.Resampling.nearest), rtol=1e-6)


def test_bilinear_by_hand():
    where = Positions(np.array([[1.0], [0.5]]), np.array([[1.0, 0.5, 2.5]]))
    image = np.array([[[1.0, 3.0, -9.0], [5.0, 7.0, 11.0]]])
    valid = image != -9
    # Between four pixels; on the left column; and on (row 1, third column), whose upper is missing.
    np.testing.assert_allclose(bilinear(image, valid, where)[0], [[4, 3, 11], [2, 1, np.nan]])


def test_missing_pixels_never_bleed():
    image = np.full((1, 6, 6), 7.0)
    image[0, 2:4, 2:4] = 1e30
    valid = image < 1e30
    random = np.random.default_rng(0)
    where = Positions(random.random((40, 40)) * 6, random.random((40, 40)) * 6)
    found = bilinear(image, valid, where)[0]
    np.testing.assert_allclose(found[~np.isnan(found)], 7, rtol=1e-12)
    inside = nearest(valid[0], where, 0)
    np.testing.assert_array_equal(np.isnan(found), ~inside)


@given(st.integers(0, 1000), st.integers(0, 18), st.integers(0, 23))
@settings(max_examples=25, deadline=None)
def test_a_tile_equals_the_whole_and_cut(seed, top, left):
    image = np.random.default_rng(seed).normal(size=(2, *SOURCE.shape))
    valid = image > -1.5
    part = CELLS[top : top + 2, left : left + 2]
    whole = bilinear(image, valid, positions(CELLS, SOURCE))
    cut = bilinear(image, valid, positions(part, SOURCE))
    np.testing.assert_array_equal(cut, whole[:, top : top + 2, left : left + 2])


def test_cell_means_by_hand():
    values = np.array([[1.0, 3.0, np.nan, np.nan], [np.nan, 5.0, np.nan, np.nan]])
    np.testing.assert_array_equal(cell_means(values, 2), [[3.0, np.nan]])


def test_proportions_equal_gdals_average_of_each_class():
    random = np.random.default_rng(5)
    fine = GeoBox.from_bbox(CELLS.boundingbox, resolution=250)
    codes = random.integers(0, 4, fine.shape).astype(np.uint8)
    classes = {"one": (1,), "others": (2, 3)}
    where = positions(CELLS, fine, subsamples=4)
    points = nearest(codes, where, 0)
    found = proportions(points, points != 0, classes, 4)
    for layer, group in zip(found, classes.values(), strict=True):
        out = np.full(CELLS.shape, np.nan, np.float32)
        rasterio.warp.reproject(
            np.where(codes == 0, -1, np.isin(codes, group)).astype(np.float32),
            out,
            src_transform=fine.affine,
            src_crs="EPSG:3035",
            dst_transform=CELLS.affine,
            dst_crs="EPSG:3035",
            src_nodata=-1,
            dst_nodata=np.nan,
            resampling=rasterio.warp.Resampling.average,
        )
        np.testing.assert_allclose(layer, out, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), 1)


def test_a_code_of_no_class_is_named():
    with pytest.raises(InputError, match=r"codes \[9\] are in none of the classes"):
        proportions(np.array([[9]]), np.array([[True]]), {"forest": (1,)}, 1)


def test_no_valid_point_has_no_proportion():
    assert np.isnan(proportions(np.array([[9]]), np.array([[False]]), {"forest": (1,)}, 1)).all()


def test_missing_values_of_any_kind():
    values = np.array([1, np.nan, 3.4028235e38, np.inf], np.float32)
    assert valid_values(values, (np.nan, 3.4028234663852886e38)).tolist() == [1, 0, 0, 1]
    assert valid_values(np.array([0, 255], np.uint8), (255, -9999)).tolist() == [True, False]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_named(bad):
    values = np.array([[[1.0, bad]]])
    with pytest.raises(InputError, match=r"soil ph: (nan|-?inf) at row 0, column 1"):
        check_values("soil ph", values, np.ones_like(values, bool), None)
    check_values("soil ph", values, np.isfinite(values), (0, 14))


def test_a_value_out_of_range_is_named():
    values = np.array([[3.0, 15.0]])
    with pytest.raises(InputError, match=r"ph: value 15.0 .* outside the valid range 0 to 14"):
        check_values("ph", values, np.ones_like(values, bool), (0, 14))


def test_nearest_outside_is_filled():
    where = Positions(np.array([[-0.1], [0.5]]), np.array([[0.5, 9.0]]))
    assert nearest(np.array([[4]], np.uint8), where, 255).tolist() == [[255, 255], [4, 255]]
    empty = nearest(np.empty((2, 0, 0), np.uint8), where, 7)
    assert empty.shape == (2, 2, 2)
    assert (empty == 7).all()
