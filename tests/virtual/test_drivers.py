import numpy as np
import pytest

from biomap_xr.grid import Points
from biomap_xr.virtual.drivers import DRIVERS, RECOVERY, Disturbance, World, sample_of
from biomap_xr.virtual.settings import VirtualSettings


def test_drivers_are_standard_over_the_land_and_hardly_correlated(
    wide: World, on_land: Points
) -> None:
    drivers = wide.drivers(on_land)
    assert drivers.shape == (len(DRIVERS), len(on_land.x))
    assert np.abs(drivers.mean(axis=1)).max() < 0.25
    smooth = [name != "disturbance" for name in DRIVERS]
    assert np.abs(drivers[smooth].std(axis=1) - 1).max() < 0.25
    assert np.abs(np.corrcoef(drivers) - np.eye(len(DRIVERS))).max() < 0.4
    assert np.abs(drivers).max() <= 3


def test_temperature_falls_northwards_and_upwards(wide: World, on_land: Points) -> None:
    relief = wide.terrain.at(on_land)
    high = np.corrcoef(relief.broad, wide.raw("temperature", on_land))[0, 1]
    assert high < -0.3
    south = VirtualSettings(origin={"x": 4_000_000.0, "y": 1_000_000.0})
    assert World.of(south).mean["temperature"] > World.of(VirtualSettings()).mean["temperature"] + 5


def test_climate_varies_within_a_map(wide: World, on_land: Points) -> None:
    """Blocks of 10 km that are held out lie within the range of the others."""
    block = (on_land.x // 10_000 - 400) * 5 + on_land.y // 10_000 - 280
    temperature = wide.driver("temperature", on_land)
    means = np.array([temperature[block == each].mean() for each in np.unique(block)])
    outside = [
        ((mean > np.delete(means, i).max()) | (mean < np.delete(means, i).min()))
        for i, mean in enumerate(means)
    ]
    assert np.mean(outside) < 0.15
    assert means.std() > 0.3


def test_a_disturbance_begins_and_fades() -> None:
    past = Disturbance(np.array([0.5], np.float32), np.array([2010], np.float32))
    left = [float(past.remaining(year)[0]) for year in (2009, 2010, 2010 + RECOVERY)]
    np.testing.assert_allclose(left, [0, 0.5, 0.5 / np.e], rtol=1e-6)


def test_disturbances_fall_into_the_series(wide: World, on_land: Points) -> None:
    past = wide.disturbance(on_land)
    assert past.year.min() >= 2000
    assert past.year.max() <= 2020
    assert 0.02 < (past.severity > 0).mean() < 0.25


def test_the_sample_covers_the_map_whatever_the_tiles() -> None:
    whole = sample_of(VirtualSettings(tile=10_000, tiles={"columns": 2, "rows": 2}))
    cut = sample_of(VirtualSettings(tile=5_000, tiles={"columns": 4, "rows": 4}))
    np.testing.assert_array_equal(whole.x, cut.x)
    assert whole.x.min() >= 4_000_000
    assert whole.x.max() <= 4_020_000
    assert np.histogram(whole.y, 8)[0].std() < 20


@pytest.mark.parametrize("tile", [1_000.0, 25_000.0])
def test_worlds_of_one_extent_are_the_same_however_they_are_cut(tile: float) -> None:
    whole = World.of(VirtualSettings(tile=tile))
    cut = World.of(VirtualSettings(tile=tile / 2, tiles={"columns": 4, "rows": 4}))
    assert whole.mean == cut.mean
