"""Writing a map as GeoTIFF, window by window, and reading it back before it gets its name."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import rasterio
import rioxarray
import xarray as xr
import zarr
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import DatasetWriter
from rasterio.windows import Window as Pixels

from biomap_xr.cubes.shards import ZARRS
from biomap_xr.durable import publishing
from biomap_xr.errors import CorruptError, InputError
from biomap_xr.grid import Grid, Window
from biomap_xr.habitats.legend import Legend
from biomap_xr.products.categories import DOMAIN, SIDECAR, attribute_table, labels_of, palette_of
from biomap_xr.products.rasters import Raster
from biomap_xr.products.settings import RasterSettings
from biomap_xr.run.durable import publish

# Numbers of classes differ by anything from cell to cell, and their differences took 8% more bytes
# than the numbers did; percentages vary by little.
PREDICTORS = {"codes": 1, "percent": 2}
RESAMPLING = {"codes": Resampling.nearest, "percent": Resampling.average}
NUMBERS = 1 << 16


@dataclass(frozen=True, eq=False)
class Source:
    """The values of one file in a cube."""

    variable: xr.DataArray
    """``(y, x)`` or ``(band, y, x)``, lazily."""
    raster: Raster
    """What the file is to be."""
    legend: Legend | None = None
    """Of its numbers, for a file of codes."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Metadata of the file: licence, recipe, software."""

    def read(self, window: Window) -> NDArray[Any]:
        """Return all bands ``(band, y, x)`` of a window."""
        part = self.variable[..., window.rows, window.columns]
        if part.ndim == 2:
            part = part.expand_dims("band")
        first = self.raster.first
        # Several times faster at decoding shards than the default.
        with zarr.config.set(ZARRS):
            return part[first : first + len(self.raster.bands)].to_numpy()


def write_raster(source: Source, grid: Grid, folder: Path, settings: RasterSettings) -> Path:
    """Write one file, compare it with the cube, and only then give it its name.

    Args:
        source: What it holds.
        grid: Its cells, which are the cube's.
        folder: Of all products; the file's path is relative to it.
        settings: Of its layout.

    Returns:
        The file.

    Raises:
        InputError: The cube has another grid, type or number of bands, or a number that the legend
            lacks.
        CorruptError: What was written is not what the cube holds.
    """
    check_source(source, grid)
    path = folder / source.raster.path
    with publishing(path) as temporary:
        with rasterio.Env(GDAL_CACHEMAX=settings.cache_megabytes, GDAL_NUM_THREADS=1):
            _create(temporary, source, grid, settings)
            if settings.overviews:
                _add_overviews(temporary, source.raster, settings)
            compare(temporary, source, grid, settings)
        # Whoever sees the map finds its categories beside it.
        if source.legend is not None:
            table = attribute_table(source.legend, len(source.raster.bands))
            publish(path.with_name(path.name + SIDECAR), table)
    return path


def windows(shape: tuple[int, int], side: int) -> Iterator[Window]:
    """Yield squares of a side that cover all cells, row by row; those at the end are cut.

    >>> [window.shape for window in windows((5, 3), 3)]
    [(3, 3), (2, 3)]
    """
    rows, columns = shape
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            yield Window(slice(top, min(top + side, rows)), slice(left, min(left + side, columns)))


def check_source(source: Source, grid: Grid) -> None:
    """Check that a cube holds what a file needs, before anything is written.

    Raises:
        InputError: It does not.
    """
    variable, raster = source.variable, source.raster
    if source.legend is None and raster.kind == "codes":
        raise InputError(f"{raster.path} holds numbers of classes; expected a legend of them")
    bands = variable.shape[0] if variable.ndim == 3 else 1
    if variable.dtype != raster.dtype or bands < raster.first + len(raster.bands):
        raise InputError(
            f"{raster.path}: {raster.group}/{raster.variable} has {bands} bands of "
            f"{variable.dtype}; expected {raster.first + len(raster.bands)} of {raster.dtype}"
        )
    # The values carry no place of their own: on another grid they would be wrong without a word.
    box, wanted = variable.odc.geobox, grid.geobox
    if box is None or box.shape != wanted.shape or not _same(box.affine, wanted.affine):
        raise InputError(
            f"{raster.path}: {raster.group} lies on {box and (box.shape, box.affine)}; expected "
            f"the grid {wanted.shape}, {wanted.affine}: write the products of its own run"
        )


def compare(path: Path, source: Source, grid: Grid, settings: RasterSettings) -> None:
    """Read a file back as its users will, and compare place, nodata and every cell with the cube.

    Raises:
        CorruptError: They differ.
    """
    raster, side = source.raster, settings.block * settings.window_blocks
    # Not through a checksum of what was written: the disk and the driver are in doubt, too.
    opened = cast("xr.DataArray", rioxarray.open_rasterio(path, cache=False))
    with closing(opened) as file:
        found = (file.rio.crs, file.rio.nodata, file.shape[1:])
        expected = (CRS.from_user_input(str(grid.crs)), raster.nodata, grid.shape)
        if found != expected or not _same(file.rio.transform(), grid.geobox.affine):
            raise CorruptError(
                f"{raster.path} was read back with CRS, nodata and shape {found} at "
                f"{file.rio.transform()[:6]}, expected {expected} at {grid.geobox.affine[:6]}; "
                "check the disk and write the products again"
            )
        for window in windows(grid.shape, side):
            there = file[:, window.rows, window.columns].to_numpy()
            wanted = source.read(window)
            if not np.array_equal(there, wanted):
                raise CorruptError(
                    f"{raster.path}: {int((there != wanted).sum())} cells of rows "
                    f"{window.rows.start} to {window.rows.stop}, columns {window.columns.start} to "
                    f"{window.columns.stop} were read back otherwise than "
                    f"{raster.group}/{raster.variable} has them; check the disk and write the "
                    "products again"
                )


def _create(path: Path, source: Source, grid: Grid, settings: RasterSettings) -> None:
    known = np.zeros(NUMBERS, bool)
    if source.legend is not None:
        known[[entry.number for entry in source.legend.entries]] = True
    with rasterio.open(path, "w", **_profile(source.raster, grid, settings)) as file:
        # Metadata comes first: behind the data it would be written a second time.
        _describe(file, source)
        for window in windows(grid.shape, settings.block * settings.window_blocks):
            values = source.read(window)
            if source.legend is not None:
                _check_numbers(source.raster, values, known)
            # An inner tile that is not written reads as nodata.
            if (values != source.raster.nodata).any():
                file.write(values, window=_pixels(window))


def _profile(raster: Raster, grid: Grid, settings: RasterSettings) -> dict[str, Any]:
    rows, columns = grid.shape
    return {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": len(raster.bands),
        "dtype": raster.dtype,
        "nodata": raster.nodata,
        "crs": str(grid.crs),
        "transform": grid.geobox.affine,
        "tiled": True,
        "blockxsize": settings.block,
        "blockysize": settings.block,
        "compress": settings.compression,
        "predictor": PREDICTORS[raster.kind],
        # One class is read without touching the others.
        "interleave": "band",
        # Most of Europe's rectangle is sea.
        "sparse_ok": True,
        # Compressed size is not known ahead; beyond 4 GB plain TIFF ends.
        "bigtiff": "if_safer",
    }


def _describe(file: DatasetWriter, source: Source) -> None:
    raster, legend = source.raster, source.legend
    file.update_tags(TIFFTAG_IMAGEDESCRIPTION=raster.title, AREA_OR_POINT="Area", **source.tags)
    for band, text in enumerate(raster.bands, 1):
        file.set_band_description(band, text)
        if raster.kind == "percent":
            file.set_band_unit(band, "percent")
        if legend is not None:
            file.update_tags(band, ns=DOMAIN, **labels_of(legend))
    # TIFF has a palette only for a file of one band.
    if legend is not None and len(raster.bands) == 1:
        file.write_colormap(1, palette_of(legend))


def _add_overviews(path: Path, raster: Raster, settings: RasterSettings) -> None:
    with rasterio.open(path, "r+") as file:
        factors = overview_factors((file.height, file.width), settings.block)
        if factors:
            file.build_overviews(factors, RESAMPLING[raster.kind])


def overview_factors(shape: tuple[int, int], block: int) -> list[int]:
    """Return how much coarser each overview is, down to one inner tile.

    >>> overview_factors((46_000, 65_000), 256)
    [2, 4, 8, 16, 32, 64, 128, 256]
    """
    factors: list[int] = []
    while max(shape) > block * 2 ** len(factors):
        factors.append(2 ** (len(factors) + 1))
    return factors


def _check_numbers(raster: Raster, values: NDArray[Any], known: NDArray[np.bool_]) -> None:
    # A look-up in 65,536 flags: sorting a window's numbers takes three times as long.
    if not known[values].all():
        strange = np.unique(values[~known[values]])
        raise InputError(
            f"{raster.path}: the legend lacks the numbers {strange[:10].tolist()} that are on the "
            "map; add their lines or name the legend that the map was made with"
        )


def _pixels(window: Window) -> Pixels:
    return Pixels.from_slices(
        (window.rows.start, window.rows.stop), (window.columns.start, window.columns.stop)
    )


def _same(one: Any, other: Any) -> bool:
    return bool(np.allclose(list(one)[:6], list(other)[:6], rtol=0, atol=1e-6))
