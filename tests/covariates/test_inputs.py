import numpy as np
import pytest

from biomap_xr.covariates import inputs
from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs, first_pixel, for_year
from biomap_xr.covariates.slots import InputSettings, slot_weights, slot_years
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells

SETTINGS = InputSettings(landsat_years=(2000, 2002), climate_years=(2000, 2002), window=32)
ALL = ("sentinel2", "landsat", "climate", "predictors")


@pytest.fixture(scope="module")
def covariates(store, grid):
    return Covariates.open(store, grid)


@pytest.fixture(scope="module")
def sites():
    random = np.random.default_rng(2)
    row, column = random.integers(0, 40, (2, 60))
    row[7], column[7] = -1, -1
    row[8:10], column[8:10] = 0, (0, 39)
    return Cells(row, column), random.integers(1999, 2024, 60)


def naive(store, cells, years, settings):
    """One site after the other, from the whole cube in memory."""
    whole = {
        "sentinel2": open_cube(store, "sentinel2")["reflectance"].values,
        "landsat": open_cube(store, "landsat")["reflectance"].values,
        "climate": open_cube(store, "climate")["climate"].values,
        "predictors": open_cube(store, "predictors")["predictors"].values,
    }
    size = settings.window
    image = np.pad(whole["sentinel2"], ((0, 0), (200, 200), (200, 200)))
    found = {name: [] for name in ALL}
    for row, column, year in zip(cells.row, cells.column, years, strict=True):
        outside = row < 0
        top, left = (int(np.floor(5 * i + 2.5 + 0.5)) - size // 2 + 200 for i in (row, column))
        cut = image[:, top : top + size, left : left + size]
        found["sentinel2"].append(cut * (not outside))
        for name, axis, ratio in (("landsat", 2, 1), ("climate", 1, 10)):
            values = whole[name][..., row // ratio, column // ratio]
            wanted = slot_years(name, int(year), settings)
            nearest = [min(max(each, 2000), 2002) - 2000 for each in wanted]
            values = values.take(nearest, axis=axis)
            found[name].append(
                np.full_like(values, 255 if ratio == 1 else 65535) if outside else values
            )
        values = whole["predictors"][:, row // 2, column // 2]
        found["predictors"].append(np.full_like(values, np.nan) if outside else values)
    return {name: np.stack(values) for name, values in found.items()}


@pytest.mark.parametrize("slots", ["calendar", "relative"])
@pytest.mark.parametrize("dense", [1, 40, 10_000])
def test_equals_a_slow_loop(covariates, store, sites, slots, dense, monkeypatch):
    monkeypatch.setattr(inputs, "DENSE", dense)
    monkeypatch.setattr(inputs, "NEIGHBOURHOOD", 10)
    settings = SETTINGS.model_copy(update={"slots": slots})
    found = cut_inputs(covariates, *sites, ALL, settings)
    for name, expected in naive(store, *sites, settings).items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype


def test_windows_can_lie_on_disk(covariates, sites, tmp_path):
    found = cut_inputs(covariates, *sites, ("sentinel2",), SETTINGS, folder=tmp_path / "scratch")
    assert isinstance(found["sentinel2"], np.memmap)
    plain = cut_inputs(covariates, *sites, ("sentinel2",), SETTINGS)
    np.testing.assert_array_equal(found["sentinel2"], plain["sentinel2"])
    again = np.load(tmp_path / "scratch/sentinel2.npy", mmap_mode="r")
    np.testing.assert_array_equal(again, plain["sentinel2"])


def test_the_window_rule_of_the_paper():
    assert first_pixel(np.array([0, 7]), 5.0, 128).tolist() == [-61, 5 * 7 - 61]
    # 100 m cells: the centre is at 10 i + 5, half a pixel does not exist.
    assert first_pixel(np.array([0, 1]), 10.0, 128).tolist() == [-59, -49]
    assert first_pixel(np.array([3]), 5.0, 64).tolist() == [15 - 29]


def test_no_site_gives_empty_arrays(covariates, tmp_path):
    none = Cells(np.empty(0, np.int64), np.empty(0, np.int64))
    found = cut_inputs(covariates, none, np.empty(0, int), ALL, SETTINGS, folder=tmp_path)
    assert found["sentinel2"].shape == (0, 4, 32, 32)
    assert found["landsat"].shape == (0, 6, 4, 3)


def test_a_whole_tile_for_the_reference_year(covariates, grid):
    tile = next(grid.tiles())
    values = covariates.window("landsat", "reflectance", tile)
    settings = SETTINGS.model_copy(update={"slots": "relative", "beyond": "mean"})
    found = for_year(covariates, "landsat", values, settings.reference_year, settings)
    weights = slot_weights([2000, 2001, 2002], [2019, 2020, 2021], "mean")
    assert (weights == 1 / 3).all()
    assert found.shape == values.shape
    masked = np.where(values == 255, np.nan, values.astype(float))
    there = ~np.isnan(masked).all(axis=2)
    expected = np.nanmean(np.moveaxis(masked, 2, -1)[there], axis=-1)
    assert np.abs(found[:, :, 0][there] - expected).max() <= 0.5
    assert (found[:, :, 0][~there] == 255).all()


def test_an_unknown_modality_is_named(covariates, sites):
    with pytest.raises(InputError, match="modality 'lidar' is not in"):
        cut_inputs(covariates, *sites, ("lidar",), SETTINGS)


def test_an_unknown_year_is_the_reference_year(covariates, sites):
    cells, _ = sites
    settings = InputSettings(slots="relative", reference_year=2020, window=16)
    unknown, known = (
        cut_inputs(covariates, cells, np.full(len(cells), year), ["landsat"], settings)["landsat"]
        for year in (0, 2020)
    )
    np.testing.assert_array_equal(unknown, known)
