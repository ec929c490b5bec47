"""Land, coast, ecoregions and land cover at the centres of the map's cells."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.declaration import MASKS
from biomap_xr.covariates.harmonise import check_values, nearest, valid_values
from biomap_xr.covariates.reading import cells_in, read_around
from biomap_xr.covariates.settings import LayerSettings, MaskSettings
from biomap_xr.grid import Tile
from biomap_xr.sources.raster import describe
from biomap_xr.sources.vector import SUFFIXES, describe_layer, rasterise

MEMBERSHIP = ("land", "coast")
"""Masks that say inside or not; the others are codes, and missing where no polygon or pixel is."""


def read_masks(root: Path, settings: MaskSettings, tile: Tile) -> dict[str, NDArray[Any]]:
    """Return every mask that the settings name, and land, on a tile.

    Args:
        root: Folder of the paths.
        settings: The layers; without one of land, all is land.
        tile: Of the map's grid.

    Returns:
        ``(y, x)`` each, in the types of `MASKS`.

    Raises:
        InputError: A layer cannot be read, or a code does not fit its type.
    """
    masks: dict[str, NDArray[Any]] = {"land": np.ones(tile.shape, np.uint8)}
    for name, dtype in MASKS.items():
        layer: LayerSettings | None = getattr(settings, name)
        if layer is None:
            continue
        fill = 0 if name in MEMBERSHIP else int(np.iinfo(dtype).max)
        codes = read_codes(root, layer, tile.geobox, fill)
        if name == "land":
            # Any code of the layer is land; only 0 is water.
            codes = codes != 0
        else:
            check_values(
                f"{name} of {layer.path}", codes, codes != fill, (0, int(np.iinfo(dtype).max))
            )
        masks[name] = codes.astype(dtype)
    return masks


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
