"""Which part of the world is mapped, in cells of which size."""

from typing import Self

from pydantic import Field, model_validator
from pyproj import CRS
from pyproj.exceptions import CRSError

from biomap_xr.settings import Settings


class Extent(Settings):
    """A rectangle in the grid's CRS, in metres."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float


EUROPE = Extent(x_min=900_000, y_min=900_000, x_max=7_400_000, y_max=5_500_000)
"""The extent of EU Regulation 2018/1799, article 3(1), which is paper 2's, too."""


class GridSettings(Settings):
    """The map's cells and tiles; the defaults are paper 1's."""

    crs: str = "EPSG:3035"
    """A projected CRS in metres."""
    resolution: float = Field(50.0, gt=0)
    """Side of a cell in metres."""
    tile: float = Field(25_000.0, gt=0)
    """Side of a square tile in metres, a whole number of cells."""
    extent: Extent = EUROPE
    """Whole tiles; its lower left corner lies on multiples of the tile's side."""
    max_displacement: float = Field(500.0, ge=0)
    """A water cell takes the nearest land cell's prediction within this distance in metres (paper
    1, section 4)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            crs = CRS.from_user_input(self.crs)
        except CRSError as error:
            raise ValueError(
                f"crs: {self.crs!r} is not known to PROJ; give a code such as 'EPSG:3035'"
            ) from error
        units = tuple(axis.unit_name for axis in crs.axis_info)
        if not crs.is_projected or units != ("metre", "metre"):
            raise ValueError(
                f"crs: {self.crs!r} has units {units}; "
                "cells and tiles need a projected CRS in metres, such as 'EPSG:3035'"
            )
        if self.tile % self.resolution:
            raise ValueError(
                f"tile: {self.tile:g} m is no whole number of cells of {self.resolution:g} m; "
                "choose a multiple of the resolution"
            )
        extent = self.extent
        if extent.x_max <= extent.x_min or extent.y_max <= extent.y_min:
            raise ValueError(
                f"extent: {extent} is empty; x_max and y_max must exceed x_min and y_min"
            )
        snapped = {
            "x_min": extent.x_min // self.tile * self.tile,
            "y_min": extent.y_min // self.tile * self.tile,
            "x_max": -(-extent.x_max // self.tile) * self.tile,
            "y_max": -(-extent.y_max // self.tile) * self.tile,
        }
        if snapped != extent.model_dump():
            raise ValueError(
                f"extent: {extent} does not lie on multiples of the tile's side, {self.tile:g} m; "
                f"the smallest extent of whole tiles around it is {snapped}"
            )
        return self
