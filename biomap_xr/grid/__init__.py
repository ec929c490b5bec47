"""Where: cells, tiles, nearest land."""

from biomap_xr.grid.cells import Cells, Grid, Points, Tile, Window
from biomap_xr.grid.land import NearestLand, nearest_land
from biomap_xr.grid.names import cell_code, corner_of
from biomap_xr.grid.settings import EUROPE, Extent, GridSettings

__all__ = [
    "EUROPE",
    "Cells",
    "Extent",
    "Grid",
    "GridSettings",
    "NearestLand",
    "Points",
    "Tile",
    "Window",
    "cell_code",
    "corner_of",
    "nearest_land",
]
