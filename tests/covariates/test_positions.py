import numpy as np
import pytest
import rasterio.warp
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.positions import crs_of, positions, subsamples_for
from biomap_xr.errors import InputError

CELLS = GeoBox.from_bbox((4_000_000, 2_800_000, 4_010_000, 2_810_000), "EPSG:3035", resolution=50)
DEGREES = GeoBox.from_bbox((8.0, 47.0, 10.0, 49.0), "EPSG:4326", resolution=1 / 120)
UTM = GeoBox.from_bbox((300_000, 5_200_000, 400_000, 5_400_000), "EPSG:32632", resolution=10)


def test_projected_positions_equal_rasterios_transform():
    found = positions(CELLS[:3, :4], DEGREES)
    x, y = np.meshgrid(4_000_025 + 50 * np.arange(4), 2_809_975 - 50 * np.arange(3))
    lon, lat = rasterio.warp.transform("EPSG:3035", "EPSG:4326", x.ravel(), y.ravel())
    np.testing.assert_allclose(found.columns.ravel(), (np.array(lon) - 8) * 120, atol=1e-5)
    np.testing.assert_allclose(found.rows.ravel(), (49 - np.array(lat)) * 120, atol=1e-5)


@pytest.mark.parametrize("source", [CELLS.pad(3), DEGREES, UTM], ids=["same", "degrees", "utm"])
def test_a_part_has_the_positions_of_the_whole(source):
    whole, part = positions(CELLS, source), positions(CELLS[50:70, 100:130], source)
    rows, columns = np.broadcast_arrays(whole.rows, whole.columns)
    inner = np.broadcast_arrays(part.rows, part.columns)
    np.testing.assert_array_equal(inner[0], rows[50:70, 100:130])
    np.testing.assert_array_equal(inner[1], columns[50:70, 100:130])


def test_the_lattice_strays_by_less_than_a_thousandth_of_a_pixel():
    exact, fast = positions(CELLS, UTM), positions(CELLS, UTM, lattice=10)
    assert np.abs(exact.rows - fast.rows).max() < 1e-3
    assert np.abs(exact.columns - fast.columns).max() < 1e-3
    part = positions(CELLS[50:100], UTM, lattice=10)
    np.testing.assert_array_equal(part.rows, fast.rows[50:100])


def test_positions_on_pixels_need_no_resampling():
    assert positions(CELLS, CELLS.pad(7)).on_centres
    assert not positions(CELLS, GeoBox.from_bbox(CELLS.boundingbox, resolution=40)).on_centres
    assert not positions(CELLS, UTM).on_centres


@pytest.mark.parametrize(("resolution", "points"), [(100, 1), (50, 1), (30, 2), (25, 2), (10, 5)])
def test_subsamples_meet_each_pixel_of_a_finer_source(resolution, points):
    source = GeoBox.from_bbox(CELLS.boundingbox, resolution=resolution)
    assert subsamples_for(CELLS, source) == points


def test_subsamples_of_another_crs():
    assert subsamples_for(CELLS, DEGREES) == 1
    assert subsamples_for(CELLS, UTM) in (5, 6)


def test_a_source_without_crs_is_an_error():
    with pytest.raises(InputError, match="has no CRS"):
        crs_of(GeoBox((2, 2), CELLS.affine, None))
