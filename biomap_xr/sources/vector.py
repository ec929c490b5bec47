"""Polygons on a grid: land masks and region codes, taken at the centres of the cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, isfinite
from os import PathLike
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from odc.geo import CRS
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.features import rasterize

from biomap_xr.errors import InputError
from biomap_xr.sources.footprint import bounds_in
from biomap_xr.sources.paths import local_file

SUFFIXES = (".gpkg", ".shp", ".geojson", ".fgb")
# Straight edges bend when they are projected. Edges of 0.01 degrees or 1 km stray from the true
# line by centimetres, far less than a cell.
LONGEST_EDGE = {"degree": 0.01, "metre": 1000.0}
# Windows are read by pages of this size, so that neighbouring tiles share what was read.
PAGE = {"degree": 1.0, "metre": 100_000.0}
PAGES_KEPT = 16


@dataclass(frozen=True)
class Layer:
    """One layer of polygons in a file.

    Attributes:
        path: The file.
        name: The layer's name in it.
        crs: As text, so that layers can be hashed.
        columns: Attributes of the polygons.
        version: Time and size of the file, so that a changed file is read anew.
    """

    path: Path
    name: str
    crs: str
    columns: tuple[str, ...]
    version: tuple[int, int]

    @property
    def unit(self) -> str:
        """``degree`` or ``metre``."""
        return "degree" if CRS(self.crs).geographic else "metre"


def describe_layer(
    path: str | PathLike[str], layer: str | None = None, *, crs: str | None = None
) -> Layer:
    """Read what a layer of polygons holds, without reading a polygon.

    Args:
        path: GeoPackage, shapefile, GeoJSON or FlatGeobuf.
        layer: Its name, needed where the file has several.
        crs: The CRS, for a file that states none.

    Raises:
        InputError: Missing, hostile or unreadable file, several layers and none named, no CRS, no
            polygons.
    """
    file = local_file(path)
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(f"{file} ends in {file.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    try:
        layers = {str(name): kind for name, kind in pyogrio.list_layers(file) if kind is not None}
        name = layer_name(file, layers, layer)
        info = pyogrio.read_info(file, layer=name)
    except (DataSourceError, DataLayerError) as e:
        raise InputError(
            f"{file} cannot be read as polygons ({e}); convert or copy it again"
        ) from e
    if "Polygon" not in layers[name] and layers[name] != "Unknown":
        raise InputError(f"{file}: layer {name!r} holds {layers[name]}; expected polygons")
    if not (crs or info["crs"]):
        raise InputError(f"{file}: layer {name!r} has no CRS; state `crs` in the recipe")
    status = file.stat()
    version = status.st_mtime_ns, status.st_size
    return Layer(file, name, str(crs or info["crs"]), tuple(map(str, info["fields"])), version)


def layer_name(path: Path, layers: Mapping[str, str], wanted: str | None) -> str:
    """Return the layer that is meant.

    Raises:
        InputError: It is not there, or several are and none is named.
    """
    if wanted is None and len(layers) == 1:
        return next(iter(layers))
    if wanted not in layers:
        raise InputError(f"{path} has the layers {list(layers)}, not {wanted!r}; name one of them")
    return str(wanted)


def rasterise(
    layer: Layer,
    geobox: GeoBox,
    *,
    column: str | None = None,
    codes: Mapping[str, int] | None = None,
) -> NDArray[np.uint16]:
    """Return the code of the polygon that holds each cell's centre, 0 where none does.

    Only polygons near the window are read. Where polygons overlap, the later one in the file holds.

    Args:
        layer: The polygons, in any CRS.
        geobox: The cells.
        column: The attribute that holds the code; without one every polygon is 1.
        codes: Code of each value of a column of names.

    Returns:
        Codes ``(y, x)``, 0..65535.

    Raises:
        InputError: Unknown column, values without a code, codes that do not fit.
    """
    polygons = window_polygons(layer, geobox)
    values = polygon_codes(layer, polygons, column, codes)
    shapes = [
        (shape, int(value))
        for shape, value in zip(polygons.geometry, values, strict=True)
        if not shape.is_empty
    ]
    # GDAL refuses to rasterise nothing, which is what the open sea holds.
    if not shapes:
        return np.zeros(geobox.shape.yx, np.uint16)
    return rasterize(
        shapes, out_shape=geobox.shape.yx, transform=geobox.affine, fill=0, dtype="uint16"
    )


def window_polygons(layer: Layer, geobox: GeoBox) -> gpd.GeoDataFrame:
    """Return the polygons around a window as ``(polygon, columns)``, in the window's CRS.

    Raises:
        InputError: The layer's CRS does not reach the window.
    """
    page = PAGE[layer.unit]
    bounds = bounds_in(geobox.pad(2), layer.crs)
    if not all(map(isfinite, bounds)):
        raise InputError(
            f"{layer.path} is in {layer.crs}, which does not reach all of the cells at "
            f"{geobox.boundingbox.bbox} in {geobox.crs}; reproject the file"
        )
    left, bottom = (floor(bound / page) * page for bound in bounds[:2])
    right, top = (ceil(bound / page) * page for bound in bounds[2:])
    polygons = read_page(layer, (left, bottom, right, top), str(geobox.crs))
    return polygons[polygons.geometry.intersects(geobox.extent.geom)]


@lru_cache(maxsize=PAGES_KEPT)
def read_page(
    layer: Layer, bounds: tuple[float, float, float, float], crs: str
) -> gpd.GeoDataFrame:
    """Return the polygons of a part of a layer in another CRS; kept for the neighbouring tiles.

    Args:
        layer: The polygons.
        bounds: Left, bottom, right, top in the layer's CRS; read through the spatial index.
        crs: The CRS of the result.

    Raises:
        InputError: The file went bad since it was described.
    """
    try:
        found = pyogrio.read_dataframe(layer.path, layer=layer.name, bbox=bounds)
    except (DataSourceError, DataLayerError) as e:
        raise InputError(f"{layer.path} cannot be read ({e}); convert or copy it again") from e
    shapes = found.geometry.to_numpy()
    if CRS(layer.crs) != CRS(crs):
        # Before they are cut, so that an edge bends the same way in every page.
        shapes = shapely.segmentize(shapes, LONGEST_EDGE[layer.unit])
    cut = gpd.GeoSeries(shapely.clip_by_rect(shapes, *bounds), index=found.index, crs=layer.crs)
    return found.set_geometry(cut.to_crs(crs))


def polygon_codes(
    layer: Layer,
    polygons: gpd.GeoDataFrame,
    column: str | None,
    codes: Mapping[str, int] | None,
) -> NDArray[np.int64]:
    """Return the code of each polygon ``(polygon,)``.

    Raises:
        InputError: As `rasterise`.
    """
    if column is None:
        return np.ones(len(polygons), np.int64)
    if column not in layer.columns:
        raise InputError(f"{layer.path} has no column {column!r}, only {list(layer.columns)}")
    values = polygons[column]
    if codes is not None:
        unknown = sorted(set(values.astype(str)) - set(codes))
        if unknown:
            raise InputError(
                f"{layer.path}: {column} {unknown[:5]} have no code in the recipe; add them"
            )
        # Whole numbers also where no polygon lies in the window.
        values = values.astype(str).map(codes).astype(np.int64)
    return whole_codes(layer, column, values.to_numpy())


def whole_codes(layer: Layer, column: str, values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return codes as integers ``(polygon,)``.

    Raises:
        InputError: Values are no whole numbers in 1..65535.
    """
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"{layer.path}: {column} holds text ({list(values[:3])}); expected numbers: state the "
            "code of each value (`codes`) or another column"
        )
    numbers = values.astype(np.float64)
    bad = ~((numbers >= 1) & (numbers <= 65535) & (numbers % 1 == 0))
    if bad.any():
        raise InputError(
            f"{layer.path}: {column} holds {numbers[bad][:5].tolist()}; expected whole codes "
            "1..65535, 0 being outside: state the code of each value (`codes`)"
        )
    return numbers.astype(np.int64)
