from datetime import date

import numpy as np
import rasterio

from biomap_xr.grid import Points
from biomap_xr.virtual import Simulated
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice
from biomap_xr.virtual.rasters import geobox_of, pixels_of
from biomap_xr.virtual.sentinel2 import BANDS, composite_at, scene_at, surface_at


def window(x: float, y: float, side: int, step: float) -> Lattice:
    """Pixels from 640 m west and north of a place; with a long step only some of them."""
    return Lattice(x - 635 + step * np.arange(side), y + 635 - step * np.arange(side))


def test_files_hold_bands_masks_and_no_missing_pixel(simulated: Simulated) -> None:
    paths = sorted((simulated.rasters / "sentinel2").glob("S2_*[0-9].tif"))
    assert [path.stem for path in paths] == ["S2_20210512", "S2_20210718", "S2_20210914"]
    with (
        rasterio.open(paths[0]) as file,
        rasterio.open(paths[0].with_stem(f"{paths[0].stem}_mask")) as mask,
    ):
        assert file.descriptions == BANDS
        assert file.dtypes == ("uint16",) * 4
        assert (file.nodata, file.res, file.shape) == (0, (10, 10), (200, 200))
        assert file.read().min() > 0
        assert mask.dtypes == ("uint8",)
        assert set(np.unique(mask.read())) <= {0, 1}


def test_a_file_is_what_the_functions_say_anywhere(simulated: Simulated, assemblage) -> None:
    geobox = geobox_of(simulated.settings.grid_settings().extent, 10)
    pixels = pixels_of(geobox, slice(40, 90), slice(120, 180))
    world, day = assemblage.world, date(2021, 7, 18)
    scene = scene_at(world, surface_at(world, pixels), pixels, day)
    with rasterio.open(simulated.rasters / "sentinel2" / "S2_20210718.tif") as file:
        np.testing.assert_array_equal(file.read()[:, 40:90, 120:180], scene.reflectance)


def test_clouds_cover_their_share_and_shine(wide: World) -> None:
    pixels = Lattice(4_000_000 + 100.0 * np.arange(500), 2_850_000 - 100.0 * np.arange(500))
    scene = scene_at(wide, surface_at(wide, pixels), pixels, date(2021, 5, 12))
    hidden = scene.valid == 0
    assert 0.04 < hidden.mean() < 0.25
    assert np.median(scene.reflectance[0][hidden]) > 2 * np.median(scene.reflectance[0][~hidden])
    clear = World.of(wide.settings.model_copy(update={"cloud": 0.0}))
    assert scene_at(clear, surface_at(clear, pixels), pixels, date(2021, 5, 12)).valid.all()


def test_the_composite_leaves_clouds_out(wide: World) -> None:
    pixels = window(4_020_000, 2_820_000, 256, 10)
    surface = surface_at(wide, pixels)
    scenes = [scene_at(wide, surface, pixels, day) for day in wide.settings.scenes]
    composite = composite_at(wide, pixels)
    clear = np.all([scene.valid for scene in scenes], axis=0)
    middle = np.median([scene.reflectance for scene in scenes], axis=0)
    np.testing.assert_array_equal(composite[:, clear], middle[:, clear])
    none = ~np.any([scene.valid for scene in scenes], axis=0)
    assert (composite[:, none] == 0).all()


def test_windows_tell_openness_and_moisture(wide: World, on_land: Points) -> None:
    """A linear model on window means explains most of both drivers: a network can."""
    places = Points(on_land.x[:150], on_land.y[:150])
    rows = []
    for x, y in zip(places.x, places.y, strict=True):
        image = composite_at(wide, window(x, y, 32, 40)).astype(float)
        land = (image[3] > 800) & (image[0] > 0)
        rows.append([1.0, *image[:, land].mean(axis=1)] if land.any() else [1.0, 0, 0, 0, 0])
    means = np.array(rows)
    for name in ("openness", "moisture"):
        driver = wide.driver(name, places)
        weights, *_ = np.linalg.lstsq(means, driver, rcond=None)
        assert np.corrcoef(means @ weights, driver)[0, 1] > 0.8
