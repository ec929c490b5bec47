import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from biomap_xr.errors import InputError
from biomap_xr.report.thinning import mean_of_valid, thin


def layer(
    shape: tuple[int, int], *, crs: str = "EPSG:3035", values: np.ndarray | None = None
) -> xr.DataArray:
    side = 50.0 if crs == "EPSG:3035" else 0.01
    left, top = (4_000_000, 2_900_000) if crs == "EPSG:3035" else (3.0, 44.0)
    box = (left, top - shape[0] * side, left + shape[1] * side, top)
    geobox = GeoBox.from_bbox(box, crs, shape=shape, tight=True)
    content = (
        np.arange(shape[0] * shape[1], dtype=float).reshape(shape) if values is None else values
    )
    return xr.DataArray(content, xr_coords(geobox, dims=("y", "x")), ("y", "x"), name="layer")


def test_a_small_layer_is_read_as_it_is() -> None:
    source = layer((20, 30))
    found = thin(source, longest=30)
    np.testing.assert_array_equal(found.values, source)
    assert found.valid.all()
    assert found.frame.extent == (4000.0, 4001.5, 2899.0, 2900.0)
    assert (found.frame.unit, found.frame.crs, found.frame.cell) == ("km", "EPSG:3035", "50 m cell")


def test_a_pixel_of_a_larger_layer_is_the_mean_of_its_cells() -> None:
    source = layer((12, 18))
    found = thin(source, longest=6)
    expected = source.to_numpy().reshape(4, 3, 6, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found.values, expected)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 90),
    columns=st.integers(1, 90),
    longest=st.integers(4, 30),
    codes=st.booleans(),
)
def test_pictures_stay_small_and_cover_the_map(
    rows: int, columns: int, longest: int, codes: bool
) -> None:
    found = thin(
        layer((rows, columns), values=np.ones((rows, columns))), longest=longest, codes=codes
    )
    assert max(found.values.shape) <= longest
    assert (found.values == 1).all()
    left, right, _, top = found.frame.extent
    pixel = (right - left) / found.values.shape[1]
    assert abs(right - left - columns * 0.05) <= pixel
    assert (left, top) == (4000.0, 2900.0)


def test_codes_are_never_averaged() -> None:
    codes = np.random.default_rng(0).choice([1, 7], (40, 40)).astype(np.uint8)
    found = thin(layer((40, 40), values=codes), longest=10, codes=True)
    assert set(np.unique(found.values)) == {1, 7}


def test_cells_without_a_value_are_left_out_of_the_mean() -> None:
    values = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, np.nan]])
    means, valid = mean_of_valid(values, np.isfinite(values), 2)
    assert means.tolist() == [[2.0, 5.0]]
    assert valid.tolist() == [[True, True]]
    masked = thin(layer((2, 3), values=values), longest=3).masked()
    np.testing.assert_array_equal(masked, values)


def test_a_mask_says_where_an_integer_layer_holds() -> None:
    values = np.full((4, 4), 9, np.uint8)
    mask = layer((4, 4), values=np.eye(4, dtype=np.uint8))
    found = thin(layer((4, 4), values=values), mask, longest=4)
    np.testing.assert_array_equal(np.isfinite(found.masked()), np.eye(4, dtype=bool))


def test_degrees_are_named_so() -> None:
    frame = thin(layer((10, 20), crs="EPSG:4326"), longest=20).frame
    assert (frame.unit, frame.crs, frame.cell) == ("°", "EPSG:4326", "0.01° cell")
    assert frame.extent == pytest.approx((3.0, 3.2, 43.9, 44.0))


def test_layers_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(InputError, match=r"dims \('indicator', 'y', 'x'\)"):
        thin(xr.DataArray(np.zeros((1, 2, 2)), dims=("indicator", "y", "x")), longest=9)
    with pytest.raises(InputError, match="expected a regular grid with a CRS"):
        thin(xr.DataArray(np.zeros((2, 2)), dims=("y", "x"), name="bare"), longest=9)


def test_a_value_that_means_nothing_is_left_out_of_means() -> None:
    values = np.full((12, 18), 40, np.uint8)
    values[:, ::2], values[:6] = 255, 255
    found = thin(layer((12, 18), values=values), longest=6, nodata=255)
    assert not found.valid[:2].any()
    assert set(found.values[2:].ravel()) == {40}
