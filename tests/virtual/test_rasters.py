from pathlib import Path

import numpy as np
import rasterio

from biomap_xr.grid import Extent
from biomap_xr.virtual.rasters import (
    Layer,
    Part,
    Writers,
    geobox_of,
    parts_of,
    pixels_of,
    write_parts,
)

EXTENT = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_001_000, y_max=2_801_000)


def test_a_raster_covers_its_extent_in_whole_pixels() -> None:
    assert geobox_of(EXTENT, 10).shape == (100, 100)
    thirty = geobox_of(EXTENT, 30)
    assert thirty.shape == (34, 34)
    assert thirty.boundingbox.left == 4_000_000
    assert thirty.boundingbox.top == 2_801_000


def test_parts_make_the_whole() -> None:
    geobox = geobox_of(EXTENT, 30)
    parts = list(parts_of(geobox, 16))
    assert len(parts) == 9
    assert sum(part.window.width * part.window.height for part in parts) == 34 * 34
    last = parts[-1].pixels
    whole = pixels_of(geobox, slice(0, 34), slice(0, 34))
    np.testing.assert_array_equal(last.x, whole.x[32:])
    np.testing.assert_array_equal(last.y, whole.y[32:])


def test_files_are_filled_by_several_threads(tmp_path: Path) -> None:
    layers = [Layer(tmp_path / f"{name}.tif", ("x", "y"), "float32", -1) for name in "ab"]

    def fill(part: Part, writers: Writers) -> None:
        x, y = np.meshgrid(part.pixels.x - 4_000_000, part.pixels.y - 2_800_000)
        for order in range(2):
            writers.write(order, part, np.stack([x, y]).astype(np.float32) + order)

    write_parts(layers, geobox_of(EXTENT, 10), fill, side=32, threads=3)
    with rasterio.open(layers[1].path) as file:
        assert file.descriptions == ("x", "y")
        assert (file.nodata, file.crs.to_epsg()) == (-1, 3035)
        assert file.read()[:, 99, 7].tolist() == [76, 6]
