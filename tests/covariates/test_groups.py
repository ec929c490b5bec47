import numpy as np
import pytest

from biomap_xr.covariates.files import climate_files, landsat_files
from biomap_xr.covariates.groups import read_climate, read_predictors
from biomap_xr.covariates.settings import ClimateSettings, LandsatSettings, PredictorsSettings
from biomap_xr.errors import InputError


def test_landsat_files_by_year_and_quarter(region):
    files = list(landsat_files(region.root, LandsatSettings(years=(2000, 2001))))
    assert len(files) == 8
    assert files[5][:2] == (1, 1)
    assert files[5][2].name == "landsat_2001_q2.tif"


def test_climate_of_one_file_a_month(region):
    settings = ClimateSettings(files="{variable}_{month:02d}_{year}.tif", years=(2000, 2001))
    files = list(climate_files(region.root, settings))
    assert len(files) == 4 * 2 * 12
    assert files[13][:2] == (0, 1)
    assert files[13][2] == slice(1, 2)
    assert files[13][3].name == "pr_02_2001.tif"


@pytest.mark.parametrize(
    ("unit", "stored", "expected"),
    [("0.1 K", 2831, 2831), ("K", 283.2, 2832), ("degC", 10.04, 2832), ("0.1 degC", 100, 2832)],
)
def test_climate_is_brought_to_the_cubes_units(factory, grid, tmp_path, unit, stored, expected):
    dtype = np.float32
    settings = ClimateSettings(
        variables=("p", "t", "x", "n"),
        years=(2000, 2000),
        units={"p": "mm", "t": unit, "x": unit, "n": unit},
        files="{variable}_{year}.tif",
        resolution=500,
    )
    for name in settings.variables:
        values = np.full((12, 4, 4), 12.34 if name == "p" else stored, dtype)
        factory.write_raster(tmp_path / f"{name}_2000.tif", values, resolution=500)
    cube = read_climate(tmp_path, settings, next(grid.with_resolution(500).tiles()))["climate"]
    assert cube.shape == (4, 1, 12, 2, 2)
    assert (cube[0] == 1234).all()
    assert (cube[1:] == expected).all()


def test_a_wrong_unit_of_climate_is_told_by_its_values(factory, grid, tmp_path):
    settings = ClimateSettings(files="{variable}_{year}.tif", years=(2000, 2000), resolution=500)
    for name in settings.variables:
        values = np.full((12, 4, 4), 10, np.uint16)
        factory.write_raster(tmp_path / f"{name}_2000.tif", values, resolution=500)
    with pytest.raises(InputError, match=r"climate tas \[0.1 K\] .* value 10.* 1800 to 3400"):
        read_climate(tmp_path, settings, next(grid.with_resolution(500).tiles()))


def predictors(*variables):
    return PredictorsSettings(variables=variables)


def test_a_temporal_mean_leaves_missing_files_out(factory, grid, tmp_path):
    for index, value in enumerate((1.0, 3.0, 8.0)):
        values = np.full((20, 20), value, np.float32)
        values[index, 0] = -9
        factory.write_raster(tmp_path / f"{index}.tif", values, resolution=100, nodata=-9)
    settings = predictors(
        {"name": "t", "path": ("0.tif", "1.tif", "2.tif"), "kind": "temporal_mean", "scale": 2}
    )
    cells = grid.with_resolution(100)
    found = read_predictors(tmp_path, settings, cells, cells.geobox)["t"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:4, 0], [11, 9, 4, 8])
    np.testing.assert_allclose(found[:, 1:], 8)


def test_codes_are_never_mixed(factory, grid, tmp_path):
    values = np.random.default_rng(0).integers(0, 9, (7, 7)).astype(np.uint8)
    factory.write_raster(tmp_path / "soil.tif", values, resolution=300, nodata=0)
    cells = grid.with_resolution(100)
    settings = predictors({"name": "soil", "path": "soil.tif", "kind": "code"})
    found = read_predictors(tmp_path, settings, cells, cells.geobox)["soil"]
    index = ((np.arange(20) * 100 + 50) // 300).astype(int)
    expected = values[index[:, None], index].astype(float)
    np.testing.assert_array_equal(found, np.where(expected == 0, np.nan, expected))


@pytest.mark.parametrize(
    ("bad", "message"),
    [(np.inf, "inf .* no number"), (np.nan, "nan .* no number"), (99.0, "99.* range 2 to 11")],
)
def test_a_bad_value_names_variable_value_and_range(factory, grid, tmp_path, bad, message):
    values = np.full((20, 20), 7, np.float32)
    values[3, 4] = bad
    factory.write_raster(tmp_path / "ph.tif", values, resolution=100)
    settings = predictors({"name": "soil_ph", "path": "ph.tif", "valid_range": (2, 11)})
    cells = grid.with_resolution(100)
    with pytest.raises(InputError, match=rf"predictor soil_ph \[1\] .*ph.tif: (value )?{message}"):
        read_predictors(tmp_path, settings, cells, cells.geobox)


def test_a_declared_nodata_beside_the_files_own_is_missing(factory, grid, tmp_path):
    values = np.full((20, 20), 7, np.float32)
    values[0, 0], values[1, 1] = 3.4028235e38, -1
    factory.write_raster(tmp_path / "b.tif", values, resolution=100, nodata=float(values[0, 0]))
    settings = predictors({"name": "b", "path": "b.tif", "nodata": -1, "valid_range": (0, 9)})
    cells = grid.with_resolution(100)
    found = read_predictors(tmp_path, settings, cells, cells.geobox)["b"]
    assert np.isnan(found).sum() == 2
    assert np.nanmax(found) == 7
