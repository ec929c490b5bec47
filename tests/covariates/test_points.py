import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from biomap_xr.covariates.points import pixels_at, predictors_at
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid, GridSettings, Points
from biomap_xr.sources.raster import describe


@pytest.fixture
def grid():
    extent = {"x_min": 4e6, "y_min": 3e6, "x_max": 4.01e6, "y_max": 3.01e6}
    values = {"resolution": 100, "tile": 5000, "extent": extent}
    return Grid.from_settings(GridSettings.model_validate(values))


@pytest.fixture
def points():
    random = np.random.default_rng(0)
    return Points(random.uniform(3.999e6, 4.011e6, 400), random.uniform(2.999e6, 3.011e6, 400))


def write(path, values, transform, crs, nodata=None):
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
    profile |= {"dtype": values.dtype, "transform": transform, "crs": crs, "nodata": nodata}
    with rasterio.open(path, "w", **profile) as file:
        file.write(values, 1)


def test_pixels_are_those_that_rasterio_samples(tmp_path, points):
    """Degrees, finer than the grid: rasterio's own sampling is the reference."""
    values = np.random.default_rng(1).integers(0, 1000, (900, 1200)).astype(np.int16)
    path = tmp_path / "a.tif"
    west, north = Transformer.from_crs(3035, 4326, always_xy=True).transform(4.0005e6, 3.0095e6)
    write(path, values, from_origin(west, north, 0.0001, 0.0001), "EPSG:4326", -1)
    found = pixels_at(describe(path), 1, "EPSG:3035", points)
    x, y = Transformer.from_crs(3035, 4326, always_xy=True).transform(points.x, points.y)
    with rasterio.open(path) as file:
        wanted = np.array([each[0] for each in file.sample(zip(x, y, strict=True))], float)
    assert np.isfinite(found).sum() > 200
    inside = np.isfinite(found)
    np.testing.assert_array_equal(found[inside], wanted[inside])
    assert (wanted[~inside] == -1).all()


def test_values_are_scaled_and_missing_ones_are_nan(tmp_path, grid):
    values = np.array([[10, -1], [30, 40]], np.int16)
    write(tmp_path / "a.tif", values, from_origin(4e6, 3.01e6, 5000, 5000), "EPSG:3035", -1)
    settings = PredictorsSettings.model_validate(
        {"variables": [{"name": "t", "path": "a.tif", "scale": 0.1, "offset": 1}]}
    )
    places = Points(
        np.array([4.001e6, 4.009e6, 4.001e6, 3.9e6]), np.array([3.009e6] * 2 + [3e6 + 1, 3e6])
    )
    found = predictors_at(tmp_path, settings, grid, places)
    np.testing.assert_allclose(found[:, 0], [2.0, np.nan, 4.0, np.nan], rtol=1e-6)


def test_impossible_values_are_refused(tmp_path, grid):
    write(
        tmp_path / "a.tif",
        np.full((2, 2), 300, np.int16),
        from_origin(4e6, 3.01e6, 5000, 5000),
        "EPSG:3035",
    )
    settings = PredictorsSettings.model_validate(
        {"variables": [{"name": "t", "path": "a.tif", "unit": "degC", "valid_range": [-50, 60]}]}
    )
    with pytest.raises(InputError, match="300"):
        predictors_at(tmp_path, settings, grid, Points(np.array([4.001e6]), np.array([3.001e6])))


def test_shares_are_those_of_the_cell(tmp_path, grid):
    codes = np.zeros((1000, 1000), np.uint8) + 1
    codes[:, ::2] = 2
    codes[-1, :10] = 3
    write(tmp_path / "a.tif", codes, from_origin(4e6, 3.01e6, 10, 10), "EPSG:3035", 0)
    settings = PredictorsSettings.model_validate(
        {
            "variables": [
                {
                    "name": "c",
                    "path": "a.tif",
                    "kind": "proportions",
                    "classes": {"a": [1], "b": [2, 3]},
                }
            ]
        }
    )
    found = predictors_at(
        tmp_path, settings, grid, Points(np.array([4e6 + 3, 4.005e6]), np.array([3e6 + 3, 3.005e6]))
    )
    np.testing.assert_allclose(found, [[0.45, 0.55], [0.5, 0.5]])


def test_files_are_averaged_where_they_have_values(tmp_path, grid):
    for name, value in (("a", 1.0), ("b", 3.0)):
        layer = np.full((2, 2), value, np.float32)
        layer[0, 0] = np.nan if name == "a" else value
        write(
            tmp_path / f"{name}.tif",
            layer,
            from_origin(4e6, 3.01e6, 5000, 5000),
            "EPSG:3035",
            np.nan,
        )
    settings = PredictorsSettings.model_validate(
        {"variables": [{"name": "m", "path": ["a.tif", "b.tif"], "kind": "temporal_mean"}]}
    )
    found = predictors_at(
        tmp_path, settings, grid, Points(np.array([4.001e6, 4.009e6]), np.array([3.009e6] * 2))
    )
    assert found[:, 0].tolist() == [3.0, 2.0]
