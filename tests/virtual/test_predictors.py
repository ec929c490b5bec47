import numpy as np
import pandas as pd
import pytest
import rasterio
from scipy.stats import spearmanr

from biomap_xr.virtual import Simulated, Truth
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice
from biomap_xr.virtual.predictors import FURTHER, PARENT_MATERIALS, View, aspect
from biomap_xr.virtual.shore import Shore


@pytest.fixture(scope="module")
def view(wide: World) -> View:
    pixels = Lattice(4_000_050.0 + 500 * np.arange(100), 2_849_950.0 - 500 * np.arange(100))
    return View(wide, Shore.of(wide), pixels, wide.terrain.at(pixels))


def test_every_predictor_is_a_raster_with_its_unit(
    everything: Simulated, all_formations: Truth
) -> None:
    land = all_formations.open()["land"].to_numpy() == 1
    for name, one in FURTHER.items():
        with rasterio.open(everything.rasters / "predictors" / f"{name}.tif") as file:
            assert file.units == (one.unit,)
            assert file.descriptions == (name,)
            values = file.read(1)
        assert values.shape == land.shape
        assert np.isfinite(values[land]).all()
        assert values[land].std() > 0
        if one.land_only:
            assert np.isnan(values[~land]).all()


def test_the_ground_has_categories_with_names(everything: Simulated) -> None:
    with rasterio.open(everything.rasters / "predictors" / "parent_material.tif") as file:
        codes = set(np.unique(file.read(1))) - {0}
        assert file.nodata == 0
    named = pd.read_csv(everything.tables / "parent_material.csv")
    assert codes <= set(named["Code"]) == set(PARENT_MATERIALS)


def test_cycles_and_shares_keep_to_their_ranges(view: View) -> None:
    ranges = {
        "aspect": (0, 360), "season_start": (0, 365), "snow_cover_days": (0, 365),
        "wetness": (0, 100), "canopy_density": (0, 100), "canopy_height": (0, 40),
        "distance_to_coast": (0, 100_000), "annual_precipitation": (100, 5_000),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        values = FURTHER[name].values(view)
        assert values.min() >= low, name
        assert values.max() <= high, name


def test_slopes_face_downhill(view: View) -> None:
    """The ground is lower 100 m further in the direction of the aspect, and higher behind."""
    direction = np.radians(aspect(view)).astype(float)
    x = view.pixels.x[None, :] + 50 * np.sin(direction)
    y = view.pixels.y[:, None] + 50 * np.cos(direction)
    row, column = np.indices(direction.shape)
    chosen = np.random.default_rng(0).choice(direction.size, 60, replace=False)
    falls = []
    for place in chosen:
        at = np.unravel_index(place, direction.shape)
        here = view.relief.elevation[at]
        there = view.world.terrain.at(Lattice(x[at][None], y[at][None])).elevation[0, 0]
        falls.append(here == 0 or there <= here + 0.5)
    assert np.mean(falls) > 0.9
    assert row.shape == column.shape


def test_satellites_see_drivers_through_noise(view: View) -> None:
    land = view.relief.land
    pairs = {
        "canopy_density": ("openness", -1), "wetness": ("moisture", 1),
        "season_start": ("phenology", 1), "season_productivity": ("productivity", 1),
    }  # fmt: skip
    for name, (driver, sign) in pairs.items():
        seen = FURTHER[name].values(view)[land]
        fit = sign * spearmanr(seen, view.driver(driver)[land]).statistic
        assert 0.8 < fit < 0.99, name
