"""How large a simulated Europe is, what is observed in it, and how hard it is to predict."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from biomap_xr.grid import Extent, GridSettings
from biomap_xr.settings import Settings

TINY, LARGE = 350.0, 8_000.0
"""Bounds of the scale of regional fields in metres: also tiny maps have several climates."""


class TileCount(Settings):
    """How many tiles a map has along each side."""

    columns: int = Field(2, ge=1)
    rows: int = Field(2, ge=1)


class Corner(Settings):
    """The lower left corner of the map in EPSG:3035, metres; a multiple of the tile's side."""

    x: float = 4_000_000.0
    y: float = 2_800_000.0


class VirtualSettings(Settings):
    """One simulated Europe: the same settings give the same files."""

    seed: int = Field(0, ge=0)
    tiles: TileCount = TileCount()
    origin: Corner = Corner()
    tile: float = Field(25_000.0, gt=0)
    """Side of a tile in metres."""
    resolution: float = Field(50.0, gt=0)
    """Side of a cell in metres."""
    formations: Literal["inland", "all"] = "inland"
    """Sixteen habitats that lie anywhere on land, or 37 of all eight formations that keep to
    coasts, ecoregions and land cover; with these come the files that paper 2's rules need."""
    species: int = Field(640, ge=16, le=50_000)
    richness: float = Field(38.0, gt=0)
    """Mean number of species present in a land cell; never more than 15% of all species."""
    skill: float = Field(0.915, ge=0.86, le=0.96)
    """Macro AUC of the true probabilities, on average over the land."""
    residual: float = Field(0.3, ge=0, lt=1)
    """Largest share of a species' unexplained variance that it has in common with others."""
    water: float = Field(0.12, ge=0, le=0.6)
    """Share of the map that is sea."""
    surveys: int = Field(3_000, ge=1)
    records: int = Field(15_000, ge=0)
    """Presence-only records."""
    plots: int = Field(4_000, ge=0)
    """Vegetation plots with covers and a habitat; 0 writes none."""
    patches: int = Field(64, ge=0)
    """Surveys that also get image patches and time-series cubes as files of their own."""
    scenes: tuple[date, ...] = (date(2021, 5, 12), date(2021, 7, 18), date(2021, 9, 14))
    """Days of the Sentinel-2 scenes."""
    cloud: float = Field(0.12, ge=0, lt=1)
    """Share of a Sentinel-2 scene under clouds."""
    sentinel2_resolution: float = Field(10.0, gt=0)
    landsat_resolution: float = Field(30.0, gt=0)
    predictor_resolution: float = Field(100.0, gt=0)
    """Of elevation, slope, soil and land cover, in metres."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.scenes)) != len(self.scenes) or not self.scenes:
            raise ValueError(
                f"scenes: {[day.isoformat() for day in self.scenes]} are not one or more different "
                "days; give each day once"
            )
        if self.patches > self.surveys:
            raise ValueError(
                f"patches: {self.patches} exceeds the {self.surveys} surveys; give no more"
            )
        self.grid_settings()
        return self

    def grid_settings(self) -> GridSettings:
        """Return the settings of the map's grid.

        >>> VirtualSettings(tiles=TileCount(columns=2, rows=1)).grid_settings().extent.x_max
        4050000.0
        """
        extent = Extent(
            x_min=self.origin.x,
            y_min=self.origin.y,
            x_max=self.origin.x + self.tiles.columns * self.tile,
            y_max=self.origin.y + self.tiles.rows * self.tile,
        )
        return GridSettings(resolution=self.resolution, tile=self.tile, extent=extent)

    @property
    def regional_scale(self) -> float:
        """Metres over which the climate changes: a sixth of the map, within bounds."""
        side = min(self.tiles.columns, self.tiles.rows) * self.tile
        return min(max(side / 6, TINY), LARGE)

    @property
    def mean_richness(self) -> float:
        """Species present in a land cell on average; no unit.

        >>> VirtualSettings(species=40).mean_richness
        6.0
        """
        return min(self.richness, 0.15 * self.species)
