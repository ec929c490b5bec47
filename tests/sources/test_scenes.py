from datetime import date
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from biomap_xr.errors import InputError
from biomap_xr.sources.scenes import (
    BandSource,
    MaskFiles,
    MaskRule,
    Scene,
    find_scenes,
    in_period,
    read_scene,
)

BANDS = ["red", "nir"]
VALUES = np.random.default_rng(4).integers(1, 9000, (2, 6, 8), np.uint16)
CLOUD = np.zeros((1, 6, 8), np.uint8)
CLOUD[0, 2:4, 3:5] = 1
GRID = GeoBox((6, 8), Affine(10, 0, 4_000_000, 0, -10, 3_000_000), "EPSG:3035")
CLEAR = MaskRule((1,), good=False)


def test_one_file_a_day_with_a_mask_beside_it(geotiff, tmp_path: Path) -> None:
    for day in ("20210401", "20210321"):
        geotiff(f"S2_{day}.tif", VALUES, bands=BANDS, nodata=0)
        geotiff(f"S2_{day}_mask.tif", CLOUD)
    scenes = find_scenes(
        tmp_path, "S2_{date}.tif", BANDS, mask=MaskFiles("S2_{date}_mask.tif", rule=CLEAR)
    )
    assert [scene.date for scene in scenes] == [date(2021, 3, 21), date(2021, 4, 1)]
    reading = read_scene(scenes[0], GRID, ["nir", "red"])
    np.testing.assert_array_equal(reading.values, VALUES[::-1])
    np.testing.assert_array_equal(reading.valid, CLOUD[0] == 0)


def test_one_file_a_band(geotiff, tmp_path: Path) -> None:
    for number, band in enumerate(BANDS):
        geotiff(f"2021-04-01/{band}_10m.tif", VALUES[number : number + 1], nodata=0)
    scenes = find_scenes(tmp_path, "{date}/{band}_10m.tif", BANDS, date_format="%Y-%m-%d")
    np.testing.assert_array_equal(read_scene(scenes[0], GRID, BANDS).values, VALUES)


def test_the_masks_of_all_days_may_be_bands_of_one_file(geotiff, tmp_path: Path) -> None:
    days = ["2021-04-01", "2021-05-01"]
    geotiff("masks.tif", np.concatenate([CLOUD, 1 - CLOUD]), bands=days)
    for day in days:
        geotiff(f"{day.replace('-', '')}.tif", VALUES, bands=BANDS)
    mask = MaskFiles("masks.tif", band="{date}", rule=CLEAR, date_format="%Y-%m-%d")
    first, second = find_scenes(tmp_path, "{date}.tif", BANDS, mask=mask)
    clear = read_scene(first, GRID, BANDS).valid
    np.testing.assert_array_equal(clear, ~read_scene(second, GRID, BANDS).valid)
    np.testing.assert_array_equal(clear, CLOUD[0] == 0)


def test_a_pixel_counts_where_all_bands_and_the_mask_do(geotiff) -> None:
    holes = VALUES.copy()
    holes[0, 0, 0] = holes[1, 5, 7] = 0
    scene = Scene(
        date(2021, 4, 1),
        {band: BandSource(geotiff("a.tif", holes, bands=BANDS), band, nodata=0) for band in BANDS},
        BandSource(geotiff("m.tif", CLOUD)),
        CLEAR,
    )
    expected = (holes > 0).all(axis=0) & (CLOUD[0] == 0)
    np.testing.assert_array_equal(read_scene(scene, GRID, BANDS).valid, expected)
    # Beyond the files nothing is valid, though the mask's code there would say clear.
    assert not read_scene(scene, GRID.pad(1), BANDS).valid[0].any()


def test_periods_hold_both_ends() -> None:
    scenes = [Scene(date(2021, month, 1), {}) for month in (1, 3, 5)]
    assert in_period(scenes, date(2021, 1, 1), date(2021, 3, 1)) == tuple(scenes[:2])
    with pytest.raises(InputError, match=r"no scene lies in 2022-01-01.*of 2021-01-01..2021-05-01"):
        in_period(scenes, date(2022, 1, 1), date(2022, 12, 31))


def test_bad_folders_and_patterns_are_refused(geotiff, tmp_path: Path) -> None:
    geotiff("S2_20210401.tif", VALUES, bands=BANDS)
    with pytest.raises(InputError, match=r"expected \{date\} once"):
        find_scenes(tmp_path, "S2.tif", BANDS)
    with pytest.raises(InputError, match="no files like 'S1_"):
        find_scenes(tmp_path, "S1_{date}.tif", BANDS)
    with pytest.raises(InputError, match=r"no files like .* 2021-03-21"):
        find_scenes(tmp_path, "S2_{date}.tif", BANDS, date_format="%Y-%m-%d")
    with pytest.raises(InputError, match=r"mask\.tif' does not exist"):
        find_scenes(tmp_path, "S2_{date}.tif", BANDS, mask=MaskFiles("{date}_mask.tif"))
    scene = find_scenes(tmp_path, "S2_{date}.tif", ["red"])[0]
    with pytest.raises(InputError, match=r"no band \['swir'\], only \['red'\]"):
        read_scene(scene, GRID, ["swir"])
    other = find_scenes(tmp_path, "S2_{date}.tif", ["swir"])[0]
    with pytest.raises(InputError, match=r"\['swir'\] occur \[0\] times"):
        read_scene(other, GRID, ["swir"])


def test_files_that_only_look_like_scenes_are_left_out(geotiff, tmp_path: Path) -> None:
    geotiff("S2_20210401.tif", VALUES, bands=BANDS)
    geotiff("S2_20210401_mask.tif", CLOUD)
    assert len(find_scenes(tmp_path, "S2_{date}.tif", BANDS)) == 1


def test_real_scene_and_mask(data: Path) -> None:
    folder = data / "s2/slovenia"
    file = folder / "scene0_13bands_uint16_x10000.tif"
    scene = Scene(
        date(2015, 7, 11),
        {"red": BandSource(file, "B04"), "nir": BandSource(file, "B08")},
        BandSource(folder / "cloudmask_68dates.tif", "2015-07-11"),
        CLEAR,
    )
    box = GeoBox.from_bbox((465_200, 5_079_300, 466_100, 5_080_200), "EPSG:32633", resolution=10)
    reading = read_scene(scene, box, ["red", "nir"])
    assert reading.values.shape == (2, 90, 90)
    assert reading.valid.any()
