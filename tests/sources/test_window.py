from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy.ndimage import map_coordinates

from biomap_xr.errors import InputError
from biomap_xr.sources import window
from biomap_xr.sources.footprint import bounds_in
from biomap_xr.sources.raster import Raster, describe
from biomap_xr.sources.window import native_window, read_pixels, read_window

RANDOM = np.random.default_rng(1)
VALUES = RANDOM.integers(1, 60_000, (2, 30, 40), dtype=np.uint16)
BANDS = ["red", "nir"]
GRID = GeoBox((30, 40), Affine(10, 0, 4_000_000, 0, -10, 3_000_000), "EPSG:3035")
# Other pixels, another CRS, partly outside.
UTM = GeoBox.from_bbox(bounds_in(GRID, "EPSG:32632"), "EPSG:32632", resolution=7)


def halves(raster: Raster, box: GeoBox, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a window as four and put them together."""
    row, column = box.shape.y // 2, box.shape.x // 3
    parts = [
        [read_window(raster, box[rows, columns], raster.bands, method) for columns in cut]
        for rows in np.s_[:row, row:]
        for cut in [np.s_[:column, column:]]
    ]
    return (
        np.block([[part.values for part in line] for line in parts]),
        np.block([[part.valid for part in line] for line in parts]),
    )


def test_the_own_grid_returns_the_own_pixels(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS, nodata=int(VALUES[0, 0, 0])))
    reading = read_window(raster, GRID[2:9, 3:8], ["nir", "red"])
    np.testing.assert_array_equal(reading.values, VALUES[::-1, 2:9, 3:8])
    assert reading.values.dtype == np.uint16
    whole = read_window(raster, GRID, ["red"])
    np.testing.assert_array_equal(whole.valid, VALUES[:1] != VALUES[0, 0, 0])


@given(
    row=st.integers(-40, 40),
    column=st.integers(-50, 50),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_windows_beyond_the_edge_are_padded(geotiff, row, column, height, width) -> None:
    raster = describe(geotiff("a.tif", VALUES[:1], nodata=0))
    reading = read_pixels(raster, row, column, shape=(height, width), bands=["a"])
    padded = np.pad(VALUES[0], 100)[row + 100 :, column + 100 :][:height, :width]
    np.testing.assert_array_equal(reading.values[0], padded)
    np.testing.assert_array_equal(reading.valid[0], padded > 0)


def test_nearest_is_the_pixel_that_holds_the_centre(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    reading = read_window(raster, UTM, ["red"])
    x, y = np.meshgrid(*(UTM.coordinates[name].values for name in "xy"))
    x, y = Transformer.from_crs("EPSG:32632", "EPSG:3035", always_xy=True).transform(x, y)
    column, row = np.floor((x - 4_000_000) / 10), np.floor((3_000_000 - y) / 10)
    inside = (row >= 0) & (row < 30) & (column >= 0) & (column < 40)
    np.testing.assert_array_equal(reading.valid[0], inside)
    expected = VALUES[0][row[inside].astype(int), column[inside].astype(int)]
    np.testing.assert_array_equal(reading.values[0][inside], expected)
    assert 0 < inside.mean() < 1


def test_bilinear_of_a_plane_is_the_plane(geotiff) -> None:
    rows, columns = np.mgrid[:30, :40]
    plane = (3 * rows + 5 * columns + 100).astype(np.float32)
    raster = describe(geotiff("a.tif", plane[None]))
    box = GeoBox((20, 20), Affine(6, 0, 4_000_033, 0, -6, 2_999_961), "EPSG:3035")
    x, y = (box.coordinates[name].values for name in "xy")
    column, row = (x - 4_000_000) / 10 - 0.5, (3_000_000 - y) / 10 - 0.5
    expected = 3 * row[:, None] + 5 * column + 100
    np.testing.assert_allclose(
        read_window(raster, box, ["a"], "bilinear").values[0], expected, rtol=1e-6
    )


def test_missing_pixels_are_left_out_of_the_mean(geotiff) -> None:
    blocks = np.array([[[2, 4, 0, 0], [6, 0, 0, 0]]], np.uint8)
    raster = describe(geotiff("a.tif", blocks, nodata=0))
    box = GeoBox((1, 2), Affine(20, 0, 4_000_000, 0, -20, 3_000_000), "EPSG:3035")
    reading = read_window(raster, box, ["a"], "average")
    assert reading.values[0, 0, 0] == 4
    assert reading.valid.tolist() == [[[True, False]]]


@pytest.mark.parametrize("method", ["bilinear", "average"])
def test_interpolated_values_are_floats_with_nan_outside(geotiff, method: str) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    for box in (UTM, GRID.pad(2)):
        reading = read_window(raster, box, BANDS, method)
        assert reading.values.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(reading.values), ~reading.valid)
        assert 0 < reading.valid.mean() < 1


def test_codes_of_32_bits_survive_warping(geotiff) -> None:
    codes = np.full((1, 30, 40), 2**31 + 1, np.uint32)
    reading = read_window(describe(geotiff("a.tif", codes, nodata=2**32 - 1)), UTM, ["a"])
    assert set(np.unique(reading.values)) == {2**31 + 1, 2**32 - 1}


@pytest.mark.parametrize("method", ["nearest", "bilinear", "average"])
def test_two_neighbours_equal_one_window_of_twice_the_size(geotiff, method: str) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS, nodata=5))
    whole = read_window(raster, UTM, BANDS, method)
    values, valid = halves(raster, UTM, method)
    np.testing.assert_array_equal(whole.values, values)
    np.testing.assert_array_equal(whole.valid, valid)


def test_a_coarse_window_is_read_in_parts(geotiff, monkeypatch: pytest.MonkeyPatch) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    box = UTM.zoom_out(3)
    whole = read_window(raster, box, BANDS, "average")
    monkeypatch.setattr(window, "WARP_PIXELS", 500)
    parts = read_window(raster, box, BANDS, "average")
    np.testing.assert_array_equal(whole.values, parts.values)


def test_a_window_far_away_is_empty(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    far = GeoBox((4, 4), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32632")
    reading = read_window(raster, far, BANDS)
    assert not reading.valid.any()
    assert not reading.values.any()


def test_the_native_window_covers_the_cells(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    assert native_window(raster, GRID[5:7, 3:9], margin=2) == (3, 1, (6, 10))
    row, column, shape = native_window(raster, UTM)
    assert row <= 0
    assert column <= 0
    assert row + shape[0] >= 30
    assert column + shape[1] >= 40


def test_threads_read_the_same(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    expected = read_window(raster, UTM, BANDS, "bilinear").values
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: read_window(raster, UTM, BANDS, "bilinear"), range(8)):
            np.testing.assert_array_equal(found.values, expected)


def test_bad_requests_are_refused(geotiff) -> None:
    raster = describe(geotiff("a.tif", VALUES, bands=BANDS))
    with pytest.raises(InputError, match="'cubic'; expected nearest"):
        read_window(raster, GRID, ["red"], "cubic")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="swir"):
        read_window(raster, GRID, ["swir"])


@pytest.mark.parametrize("box", [GRID, UTM])
def test_a_truncated_file_is_named(geotiff, box: GeoBox) -> None:
    path = geotiff("a.tif", np.zeros((1, 300, 400), np.uint16))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"a\.tif"):
        read_window(describe(path), box.zoom_out(0.1), ["a"])


def test_real_climate_equals_scipy(data: Path) -> None:
    raster = describe(data / "montpellier/bio_3_crop_sample.tif")
    box = GeoBox.from_bbox(
        (3_750_000, 2_250_000, 3_800_000, 2_300_000), "EPSG:3035", resolution=1000
    )
    mine = read_window(raster, box, raster.bands, "bilinear")
    with rasterio.open(raster.path) as dataset:
        pixels = dataset.read(1)
    missing = pixels == np.finfo(np.float32).max
    x, y = np.meshgrid(*(box.coordinates[name].values for name in "xy"))
    x, y = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True).transform(x, y)
    affine = raster.geobox.affine
    where = [(y - affine.f) / affine.e - 0.5, (x - affine.c) / affine.a - 0.5]
    expected = map_coordinates(np.where(missing, np.nan, pixels), where, order=1, cval=np.nan)
    whole = ~np.isnan(expected)
    assert whole.mean() > 0.5
    assert mine.valid[0][whole].all()
    np.testing.assert_allclose(mine.values[0][whole], expected[whole], rtol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "average"])
def test_real_windows_have_no_seams(data: Path, method: str) -> None:
    raster = describe(data / "s2/slovenia/scene0_13bands_uint16_x10000.tif")
    box = GeoBox.from_bbox(bounds_in(raster.geobox, "EPSG:3035"), "EPSG:3035", resolution=10)
    whole = read_window(raster, box, raster.bands, method)
    values, valid = halves(raster, box, method)
    np.testing.assert_array_equal(whole.values, values)
    np.testing.assert_array_equal(whole.valid, valid)


def test_a_large_real_file_is_read_by_window(data: Path) -> None:
    raster = describe(data / "landcover/worldcover/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif")
    assert raster.geobox.shape == (36_000, 36_000)
    reading = read_pixels(raster, 33_000, 6_500, shape=(50, 60), bands=raster.bands)
    with rasterio.open(raster.path) as dataset:
        expected = dataset.read(1, window=((33_000, 33_050), (6_500, 6_560)))
    np.testing.assert_array_equal(reading.values[0], expected)
    box = GeoBox.from_bbox((6.4, 0.0, 6.8, 0.4), "EPSG:4326", resolution=0.01)
    assert read_window(raster, box, raster.bands).valid.any()
