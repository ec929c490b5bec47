"""Writing GeoTIFFs window by window, so that memory does not grow with the map."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from biomap_xr.grid import Extent
from biomap_xr.virtual.fields import Lattice

BLOCK = 512
"""Side of a GeoTIFF's inner tile in pixels."""


@dataclass(frozen=True)
class Layer:
    """One GeoTIFF to be written."""

    path: Path
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None
    units: tuple[str, ...] = ()
    """One a band, or none."""


@dataclass(frozen=True)
class Part:
    """A rectangle of a raster."""

    window: Window
    pixels: Lattice
    """Centres of its pixels in the raster's CRS."""


def geobox_of(extent: Extent, resolution: float, crs: str = "EPSG:3035") -> GeoBox:
    """Return the raster from the extent's upper left corner that covers it in whole pixels."""
    columns = math.ceil(round((extent.x_max - extent.x_min) / resolution, 6))
    rows = math.ceil(round((extent.y_max - extent.y_min) / resolution, 6))
    affine = rasterio.Affine(resolution, 0, extent.x_min, 0, -resolution, extent.y_max)
    return GeoBox((rows, columns), affine, crs)


def parts_of(geobox: GeoBox, side: int) -> Iterator[Part]:
    """Cut a raster into rectangles of at most ``side`` pixels, row by row."""
    rows, columns = geobox.shape
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            height, width = min(side, rows - top), min(side, columns - left)
            yield Part(
                Window(left, top, width, height),
                pixels_of(geobox, slice(top, top + height), slice(left, left + width)),
            )


def pixels_of(geobox: GeoBox, rows: slice, columns: slice) -> Lattice:
    """Return the centres of a rectangle of pixels, which may reach beyond the raster."""
    affine = geobox.affine
    x = affine.c + affine.a * (np.arange(columns.start, columns.stop) + 0.5)
    y = affine.f + affine.e * (np.arange(rows.start, rows.stop) + 0.5)
    return Lattice(x, y)


class Writers:
    """Open GeoTIFFs of one geometry; a lock for each lets several threads fill them."""

    def __init__(self, layers: Sequence[Layer], geobox: GeoBox, threads: int = 1) -> None:
        self._stack = ExitStack()
        self._locks = [threading.Lock() for _ in layers]
        self._files = [
            self._stack.enter_context(_create(layer, geobox, threads)) for layer in layers
        ]

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    def write(self, layer: int, part: Part, values: NDArray[Any]) -> None:
        """Write values ``(band, rows, columns)`` of one part into one of the files."""
        with self._locks[layer]:
            self._files[layer].write(values, window=part.window)


def write_parts(
    layers: Sequence[Layer],
    geobox: GeoBox,
    fill: Callable[[Part, Writers], None],
    *,
    side: int,
    threads: int,
) -> None:
    """Create GeoTIFFs and let ``fill`` write every part of them, in threads.

    Args:
        layers: The files, all of one geometry.
        geobox: That geometry.
        fill: Computes one part of all files and writes it.
        side: Side of a part in pixels, a multiple of `BLOCK` where the raster is larger than that.
        threads: Parts that are worked on at once.
    """
    with Writers(layers, geobox) as writers, ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(fill, part, writers) for part in parts_of(geobox, side)]
        for task in tasks:
            task.result()


def _create(layer: Layer, geobox: GeoBox, threads: int) -> Any:
    layer.path.parent.mkdir(parents=True, exist_ok=True)
    file = rasterio.open(
        layer.path,
        "w",
        driver="GTiff",
        width=geobox.shape.x,
        height=geobox.shape.y,
        count=len(layer.bands),
        dtype=layer.dtype,
        nodata=layer.nodata,
        crs=str(geobox.crs),
        transform=geobox.affine,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        interleave="band",
        compress="zstd",
        # The images are half noise, which no higher level compresses.
        zstd_level=1,
        bigtiff="IF_SAFER",
        num_threads=threads,
    )
    for number, band in enumerate(layer.bands, start=1):
        file.set_band_description(number, band)
    for number, unit in enumerate(layer.units, start=1):
        file.set_band_unit(number, unit)
    return file
