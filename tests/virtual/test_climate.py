import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from biomap_xr.grid import Points
from biomap_xr.virtual import Simulated
from biomap_xr.virtual.climate import STEP, VARIABLES, climate_geobox, normals_at, series_at
from biomap_xr.virtual.drivers import World


def test_rasters_cover_the_map_in_whole_arc_seconds(simulated: Simulated) -> None:
    assert len(list((simulated.rasters / "climate").glob("*.tif"))) == 4 * 19
    extent = simulated.settings.grid_settings().extent
    with rasterio.open(simulated.rasters / "climate" / "tas_2007.tif") as file:
        assert (file.count, file.dtypes[0], file.nodata) == (12, "uint16", 65_535)
        assert file.crs.to_epsg() == 4326
        assert file.res == pytest.approx((1 / 120, 1 / 120))
        to_degrees = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
        for x in (extent.x_min, extent.x_max):
            longitude, latitude = to_degrees.transform(x, extent.y_min)
            assert file.bounds.left + 2 * STEP < longitude < file.bounds.right - 2 * STEP
            assert file.bounds.bottom + 2 * STEP < latitude
        assert (file.bounds.left * 120) % 1 == pytest.approx(0, abs=1e-6)


def test_a_cube_is_the_files_pixel(simulated: Simulated, assemblage) -> None:
    points = Points(np.array([4_000_432.0, 4_001_950.0]), np.array([2_801_020.0, 2_800_100.0]))
    cubes = series_at(assemblage.world, points)
    assert cubes.shape == (2, 4, 19, 12)
    to_degrees = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(points.x, points.y)
    for index, variable in enumerate(VARIABLES):
        with rasterio.open(simulated.rasters / "climate" / f"{variable}_2018.tif") as file:
            values = np.array(list(file.sample(zip(longitude, latitude, strict=True))))
        np.testing.assert_array_equal(values, cubes[:, index, 18])


def test_units_and_order_are_geoplants(wide: World, on_land: Points) -> None:
    """The published cubes hold 328 to 21,042 (0.01 kg m-2) and 277 to 296 K times 10."""
    cubes = series_at(wide, Points(on_land.x[:200], on_land.y[:200])).astype(float)
    rain, mean, warm, cold = cubes.transpose(1, 0, 2, 3)
    assert 300 < rain.min() < rain.max() < 40_000
    assert (cold < mean).all()
    assert (mean < warm).all()
    assert 2_400 < mean.min() < mean.max() < 3_150
    assert mean[:, :, 6].mean() > mean[:, :, 0].mean() + 120


def test_series_tell_the_climate(wide: World, on_land: Points) -> None:
    places = Points(on_land.x[:300], on_land.y[:300])
    cubes = series_at(wide, places).astype(float)
    climate = normals_at(wide, places)
    annual = cubes[:, 1].mean(axis=(1, 2)) / 10 - 273.15
    assert np.corrcoef(annual, climate.temperature)[0, 1] > 0.97
    assert np.abs(annual - climate.temperature).mean() < 1
    rain = cubes[:, 0].sum(axis=2).mean(axis=1) / 100
    assert np.corrcoef(rain, climate.precipitation)[0, 1] > 0.97


def test_margins_are_the_same_on_all_sides(wide: World) -> None:
    geobox = climate_geobox(wide.settings.grid_settings().extent)
    assert geobox.crs.epsg == 4326
    assert min(geobox.shape) > 50
