"""Land, coast, ecoregions and land cover at the centres of the map's cells."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.declaration import MASKS
from biomap_xr.covariates.harmonise import check_values, nearest, valid_values
from biomap_xr.covariates.reading import cells_in, read_around
from biomap_xr.covariates.settings import (
    CORINE_LAST,
    CORINE_WATER,
    LayerSettings,
    MaskSettings,
)
from biomap_xr.errors import InputError
from biomap_xr.grid import Tile
from biomap_xr.sources.raster import describe
from biomap_xr.sources.vector import (
    SUFFIXES,
    describe_layer,
    polygon_codes,
    rasterise,
    window_polygons,
)
from biomap_xr.sources.window import native_window, read_pixels

SIDE = 4096
"""Pixels along the side of the blocks in which a whole raster is looked through."""


def read_masks(root: Path, settings: MaskSettings, tile: Tile) -> dict[str, NDArray[Any]]:
    """Return every mask that the settings name, and land, on a tile.

    Args:
        root: Folder of the paths.
        settings: The layers, and which of them says what is land.
        tile: Of the map's grid.

    Returns:
        ``(y, x)`` each, in the types of `MASKS`; codes are the largest of their type where no
        polygon or pixel is.

    Raises:
        InputError: A layer cannot be read, a code does not fit its type, or is none of CORINE's
            where CORINE's codes of water are meant.
    """
    masks: dict[str, NDArray[Any]] = {"land": np.ones(tile.shape, np.uint8)}
    for name, dtype in MASKS.items():
        layer: LayerSettings | None = getattr(settings, name)
        if layer is None:
            continue
        largest = int(np.iinfo(dtype).max)
        fill = 0 if name in MEMBERSHIP else largest
        codes = read_codes(root, layer, tile.geobox, fill)
        if name == "land":
            # Any code of the layer is land; only 0 is water.
            codes = codes != 0
        else:
            check_values(f"{name} of {layer.path}", codes, codes != fill, (0, largest))
        masks[name] = codes.astype(dtype)
    if settings.by_cover:
        masks["land"] = land_by_cover(masks["land"], masks["land_cover"], settings)
    return masks


MEMBERSHIP = ("land", "coast")
"""Masks that say inside or not; the others are codes, and missing where no polygon or pixel is."""


def land_by_cover(
    land: NDArray[np.uint8], cover: NDArray[np.uint8], settings: MaskSettings
) -> NDArray[np.uint8]:
    """Say what is land ``(y, x)`` by land cover, and by the layer of land where that is silent.

    Args:
        land: ``(y, x)`` 1 on land, by the layer of land.
        cover: ``(y, x)`` codes, 255 where missing.
        settings: Which codes are water, and which leave the cell to ``land``.

    Raises:
        InputError: A code is none of CORINE's, and the settings name CORINE's codes of water.

    >>> marsh_lake_sea_missing = np.array([[37, 41, 44, 255]], np.uint8)
    >>> land_by_cover(np.zeros((1, 4), np.uint8), marsh_lake_sea_missing, MaskSettings()).tolist()
    [[1, 0, 0, 0]]
    >>> land_by_cover(np.ones((1, 4), np.uint8), marsh_lake_sea_missing, MaskSettings()).tolist()
    [[1, 1, 0, 1]]
    """
    missing = int(np.iinfo(cover.dtype).max)
    strange = (cover > CORINE_LAST) & (cover != missing)
    if settings.water == CORINE_WATER and strange.any():
        codes, cells = np.unique(cover[strange], return_counts=True)
        named = ", ".join(
            f"{code} ({count} cells)" for code, count in zip(codes, cells, strict=True)
        )
        raise InputError(
            f"masks/land_cover has the codes {named}, which are none of CORINE's (1 to "
            f"{CORINE_LAST}), and covariates.masks.water has CORINE's codes {CORINE_WATER}; mend "
            "the layer, state its codes of water there and those of inland water in "
            "masks.undecided, or take masks.land_from: land"
        )
    silent = np.isin(cover, (missing, *settings.undecided))
    return np.where(silent, land, ~np.isin(cover, settings.water)).astype(np.uint8)


def is_vector(layer: LayerSettings) -> bool:
    """Say whether a layer's file holds polygons.

    >>> is_vector(LayerSettings(path="vectors/land.gpkg"))
    True
    """
    return Path(layer.path).suffix.lower() in SUFFIXES


def read_codes(root: Path, layer: LayerSettings, cells: GeoBox, fill: int) -> NDArray[Any]:
    """Return the code at the centre of each cell, ``(y, x)``, and ``fill`` where there is none.

    Args:
        root: Folder of the path.
        layer: Polygons or a raster.
        cells: Of the map's grid.
        fill: Code outside of all polygons, and where the raster is missing.

    Raises:
        InputError: The file cannot be read, or a code is no whole number.
    """
    if is_vector(layer):
        source = describe_layer(root / layer.path, layer.layer, crs=layer.crs)
        codes = rasterise(source, cells, column=layer.column, codes=layer.codes or None).astype(
            np.int64
        )
        # `rasterise` says outside by 0, which is a code of rasters.
        return np.where(codes == 0, fill, codes)
    raster = describe(root / layer.path, crs=layer.crs)
    pixels = read_around(raster, (layer.band,), cells_in(raster, cells))
    valid = valid_values(pixels.values, (raster.nodata, layer.nodata))
    check_values(f"codes of {layer.path}", pixels.values, valid, None)
    values = np.where(valid, pixels.values, fill).astype(np.int64)
    if layer.values:
        values = np.where(valid, np.isin(values, layer.values), fill).astype(np.int64)
    return nearest(values[0], pixels.where, fill)


def codes_at_source(root: Path, layer: LayerSettings, cells: GeoBox) -> Counter[int]:
    """Count what a layer's file holds of each code on the map, before any cell is made of it.

    A raster is read block by block; of polygons only their table and those on the map are.

    Args:
        root: Folder of the path.
        layer: Polygons or a raster of codes.
        cells: Of the whole map.

    Returns:
        Polygons, or pixels, of each code; missing pixels do not count.

    Raises:
        InputError: The file cannot be read, or a code is no whole number.
    """
    if is_vector(layer):
        source = describe_layer(root / layer.path, layer.layer, crs=layer.crs)
        found = window_polygons(source, GeoBox.from_bbox(cells.boundingbox, shape=(1, 1)))
        # A polygon that only touches the map has no cell of it.
        inside = found[found.geometry.intersection(cells.extent.geom).area > 0]
        codes = polygon_codes(source, inside, layer.column, layer.codes or None)
        return Counter(codes.tolist())
    raster = describe(root / layer.path, crs=layer.crs)
    (row, column, (height, width)), size = native_window(raster, cells), raster.geobox.shape
    bottom, right = min(row + height, size.y), min(column + width, size.x)
    total: Counter[int] = Counter()
    for top in range(max(row, 0), bottom, SIDE):
        for left in range(max(column, 0), right, SIDE):
            shape = min(SIDE, bottom - top), min(SIDE, right - left)
            read = read_pixels(raster, top, left, shape=shape, bands=(layer.band,))
            valid = read.valid & valid_values(read.values, (layer.nodata,))
            check_values(f"codes of {layer.path}", read.values, valid, None)
            total += _counted(read.values[valid])
    return total


def _counted(codes: NDArray[Any]) -> Counter[int]:
    if codes.dtype.kind == "u" and codes.dtype.itemsize <= 2:
        # Sorting all pixels of a block takes ten times as long.
        found = np.bincount(codes)
        return Counter({int(code): int(found[code]) for code in np.flatnonzero(found)})
    values, counts = np.unique(codes.astype(np.int64), return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
