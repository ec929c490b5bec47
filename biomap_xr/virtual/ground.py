"""Static rasters (elevation, slope, soil, land cover) and polygons (land, ecoregions)."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio.features
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from biomap_xr.grid import Extent, Grid
from biomap_xr.virtual import landcover
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice, Places
from biomap_xr.virtual.rasters import (
    Layer,
    Part,
    Writers,
    geobox_of,
    parts_of,
    write_parts,
)

PART = 1_024
"""Side of the part that is computed at once, in pixels."""
ALPINE, ATLANTIC, CONTINENTAL, MEDITERRANEAN = 689, 664, 654, 795
"""Numbers of RESOLVE's ecoregions of 2017 that the simulated ones are named after."""
ECOREGIONS = {
    ALPINE: ("Alps conifer and mixed forests", "ALPINE"),
    ATLANTIC: ("European Atlantic mixed forests", "ATLANTIC"),
    CONTINENTAL: ("Central European mixed forests", "CONTINENTAL"),
    MEDITERRANEAN: ("Italian sclerophyllous and semi-deciduous forests", "MEDITERRANEAN"),
}
"""Code to the ecoregion's name and its biogeographical region."""
POLYGONS = 20_000
"""Polygons that are gathered before they are written."""
PREDICTORS = ("elevation", "slope", "soil_ph")
NEUTRAL = 6.2
"""Mean pH of the soil; one standard deviation of the soil driver is one unit of pH."""


def soil_ph(world: World, places: Places) -> NDArray[np.float32]:
    """Return the pH of the soil at places, in their shape, about 3 to 9."""
    return (world.driver("soil", places) + NEUTRAL).astype(np.float32)


def ecoregions_at(world: World, places: Places) -> NDArray[np.int32]:
    """Return the code of the ecoregion at places, in their shape, on land and in the sea."""
    relief = world.terrain.at(places)
    warmth = world.driver("temperature", places, relief)
    rain = world.driver("precipitation", places, relief)
    rules = [relief.broad > 900, warmth > 0.9, rain > 0.5]
    codes = [ALPINE, MEDITERRANEAN, ATLANTIC]
    return np.select(rules, codes, default=CONTINENTAL).astype(np.int32)


def write_predictors(world: World, folder: Path, extent: Extent, threads: int) -> tuple[Path, ...]:
    """Write elevation (m), slope (degrees), soil pH and land cover; return the paths.

    Land cover is left out in a world of all formations.
    """
    layers = [
        Layer(folder / "predictors" / f"{name}.tif", (name,), "float32", float("nan"))
        for name in PREDICTORS
    ]
    # Where land cover depends on the habitats, it is written after them.
    if world.settings.formations == "inland":
        cover = Layer(folder / "land_cover.tif", ("land_cover",), "uint8", landcover.NODATA)
        layers.append(cover)
    geobox = geobox_of(extent, world.settings.predictor_resolution)
    write_parts(layers, geobox, partial(_fill, world), side=PART, threads=threads)
    return tuple(layer.path for layer in layers)


def write_land(world: World, path: Path, grid: Grid) -> None:
    """Write the land as polygons along the edges of its cells, cut at tile borders."""
    _write_polygons(path, grid, lambda pixels: world.terrain.at(pixels).land.astype(np.int32), 1)


def write_ecoregions(world: World, path: Path, grid: Grid) -> None:
    """Write the ecoregions as polygons with columns ``code`` and ``name``, cut at tile borders."""
    # Coarser than cells by a whole number, so that tiles still cut it evenly.
    side = next(step for step in range(10, 0, -1) if grid.tile_cells % step == 0)
    coarse = grid.with_resolution(grid.resolution * side)
    _write_polygons(path, coarse, partial(ecoregions_at, world), 0)


def _write_polygons(
    path: Path, grid: Grid, codes_at: Callable[[Lattice], NDArray[np.int32]], smallest: int
) -> None:
    """Turn codes at cell centres into polygons, tile by tile; codes below ``smallest`` get none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rows: list[tuple[int, BaseGeometry]] = []
    for part in parts_of(grid.geobox, grid.tile_cells):
        codes = codes_at(part.pixels)
        affine = rasterio.windows.transform(part.window, grid.geobox.affine)
        shapes = rasterio.features.shapes(codes, mask=codes >= smallest, transform=affine)
        rows += [(int(code), shape(polygon)) for polygon, code in shapes]
        if len(rows) > POLYGONS:
            _append(path, rows, grid)
            rows = []
    if rows:
        _append(path, rows, grid)


def _append(path: Path, rows: list[tuple[int, BaseGeometry]], grid: Grid) -> None:
    """Add polygons with their codes to a file, which is made where it is missing."""
    code, geometry = zip(*rows, strict=True)
    names = [ECOREGIONS.get(each, ("land", ""))[0] for each in code]
    table = gpd.GeoDataFrame(
        {"code": code, "name": names}, geometry=list(geometry), crs=str(grid.crs)
    )
    table.to_file(path, driver="GPKG", mode="a" if path.exists() else "w")


def _fill(world: World, part: Part, writers: Writers) -> None:
    relief = world.terrain.at(part.pixels)
    slope = _slope(world, part.pixels, world.settings.predictor_resolution)
    soil = np.where(relief.land, soil_ph(world, part.pixels), np.float32(np.nan))
    values: list[NDArray[Any]] = [relief.elevation, slope, soil]
    if world.settings.formations == "inland":
        values.append(landcover.land_cover_at(world, part.pixels, relief))
    for order, each in enumerate(values):
        writers.write(order, part, each[None])


def gradient_at(
    world: World, pixels: Lattice, step: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how many metres the ground rises over ``step`` metres eastwards and northwards.

    Both are ``(rows, columns)``, from elevations half a pixel away.
    """
    east, west = (
        world.terrain.at(Lattice(pixels.x + half, pixels.y)).elevation
        for half in (step / 2, -step / 2)
    )
    north, south = (
        world.terrain.at(Lattice(pixels.x, pixels.y + half)).elevation
        for half in (step / 2, -step / 2)
    )
    return east - west, north - south


def _slope(world: World, pixels: Lattice, step: float) -> NDArray[np.float32]:
    """Return the slope ``(rows, columns)`` in degrees."""
    rise = np.hypot(*gradient_at(world, pixels, step)) / step
    return np.degrees(np.arctan(rise)).astype(np.float32)
