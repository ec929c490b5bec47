import numpy as np
import pytest

from biomap_xr.covariates.positions import Positions
from biomap_xr.covariates.reading import (
    cells_in,
    interpolated,
    read_around,
)
from biomap_xr.errors import InputError
from biomap_xr.sources.raster import describe


@pytest.fixture
def raster(factory, tmp_path):
    values = np.arange(2 * 8 * 8).reshape(2, 8, 8).astype(np.int16)
    path = factory.write_raster(tmp_path / "two.tif", values, resolution=250, bands=("a", "b"))
    return describe(path)


def test_the_smallest_window_around_the_cells_is_read(raster, grid):
    where = cells_in(raster, grid.geobox[20:30, 0:5])
    pixels = read_around(raster, ("b",), where)
    # Cells 20 to 29 lie in pixels 4 and 5, and one neighbour on each side belongs to them.
    assert pixels.values.shape == (1, 4, 2)
    assert pixels.values[0, 0].tolist() == [64 + 24, 64 + 25]
    assert pixels.geobox.boundingbox.top == raster.geobox.boundingbox.top - 3 * 250
    np.testing.assert_allclose(pixels.where.rows[0], where.rows[0] - 3)


def test_nothing_is_read_beside_the_raster(raster):
    pixels = read_around(raster, (1,), Positions(np.array([[-9.0]]), np.array([[0.5]])))
    assert pixels.values.shape == (1, 0, 0)
    assert np.isnan(interpolated(pixels, pixels.values == 0)).all()


def test_bands_by_name_or_number(raster):
    where = cells_in(raster, raster.geobox)
    values = read_around(raster, ("b", 1), where).values
    np.testing.assert_array_equal(values[0], values[1] + 64)
    for band in (3, "c"):
        with pytest.raises(InputError, match=rf"\[{band!r}\]"):
            read_around(raster, (band,), where)


def test_cells_on_pixels_keep_their_values(raster):
    pixels = read_around(raster, ("a",), cells_in(raster, raster.geobox))
    found = interpolated(pixels, pixels.values != 9)
    assert np.isnan(found[0, 1, 1])
    np.testing.assert_array_equal(found[0, 2:], pixels.values[0, 2:])
