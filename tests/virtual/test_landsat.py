import numpy as np
import rasterio

from biomap_xr.grid import Points
from biomap_xr.virtual import Simulated
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.landsat import BANDS, CLOUDED, NODATA, series_at


def test_there_is_a_file_for_every_quarter(simulated: Simulated) -> None:
    paths = sorted((simulated.rasters / "landsat").glob("*.tif"))
    assert len(paths) == 84
    assert (paths[0].name, paths[-1].name) == ("landsat_2000_q1.tif", "landsat_2020_q4.tif")
    with rasterio.open(paths[5]) as file:
        assert file.descriptions == BANDS
        assert (file.dtypes[0], file.nodata, file.res, file.shape) == (
            "uint8",
            255,
            (30, 30),
            (67, 67),
        )


def test_a_cube_is_the_files_pixel(simulated: Simulated, assemblage) -> None:
    points = Points(np.array([4_000_432.0, 4_001_999.0]), np.array([2_801_020.0, 2_800_001.0]))
    cubes = series_at(assemblage.world, points)
    assert cubes.shape == (2, 6, 4, 21)
    for year, quarter in ((2000, 1), (2013, 3), (2020, 4)):
        path = simulated.rasters / "landsat" / f"landsat_{year}_q{quarter}.tif"
        with rasterio.open(path) as file:
            values = np.array(list(file.sample(zip(points.x, points.y, strict=True))))
        np.testing.assert_array_equal(values, cubes[:, :, quarter - 1, year - 2000])


def test_cubes_tell_phenology_productivity_and_disturbance(wide: World, on_land: Points) -> None:
    places = Points(on_land.x[:400], on_land.y[:400])
    cubes = np.ma.masked_equal(series_at(wide, places), NODATA).astype(float)
    seasons = cubes.mean(axis=3).reshape(len(places.x), -1).filled(0)
    trend = (cubes[..., 14:].mean(axis=3) - cubes[..., :7].mean(axis=3)).mean(axis=2).filled(0)
    known = np.column_stack([np.ones(len(places.x)), seasons, trend])
    for name, least in (("phenology", 0.95), ("productivity", 0.95), ("disturbance", 0.5)):
        driver = wide.driver(name, places)
        weights, *_ = np.linalg.lstsq(known[::2], driver[::2], rcond=None)
        assert np.corrcoef(known[1::2] @ weights, driver[1::2])[0, 1] > least


def test_some_quarters_stay_clouded(wide: World, on_land: Points) -> None:
    missing = (series_at(wide, on_land) == NODATA).mean(axis=(0, 1, 3))
    assert missing.argmax() == 0
    assert np.abs(missing - CLOUDED).max() < 0.05
    assert (missing > 0).all()
