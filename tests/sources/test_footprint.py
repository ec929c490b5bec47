import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from biomap_xr.sources.footprint import bounds_in, transformer


def test_bounds_hold_every_cell() -> None:
    box = GeoBox.from_bbox((3e6, 2e6, 5e6, 4e6), "EPSG:3035", resolution=50_000)
    left, bottom, right, top = bounds_in(box, "EPSG:4326")
    x, y = np.meshgrid(*(box.coordinates[name].values for name in "xy"))
    longitude, latitude = transformer("EPSG:3035", "EPSG:4326").transform(x, y)
    assert left < longitude.min()
    assert right > longitude.max()
    assert bottom < latitude.min()
    # The northern edge bends: its middle lies further north than its corners.
    assert top > latitude.max()


def test_a_crs_that_does_not_reach_the_cells_gives_infinite_bounds() -> None:
    here = GeoBox.from_bbox((0, 0, 10, 10), "EPSG:4326", resolution=1)
    other_side = "+proj=ortho +lat_0=0 +lon_0=180 +type=crs"
    assert bounds_in(here, other_side) == (-np.inf, -np.inf, np.inf, np.inf)


def test_east_comes_before_north_in_every_crs() -> None:
    x, y = transformer("EPSG:4326", "EPSG:3042").transform(-3.4, 36.9)
    expected = Transformer.from_crs("EPSG:4326", "EPSG:25830", always_xy=True).transform(-3.4, 36.9)
    np.testing.assert_allclose((x, y), expected)
