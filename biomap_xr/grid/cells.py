"""Cells, tiles and points as immutable values; the geometry is odc-geo's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo import CRS, resyx_, wh_, xy_
from odc.geo.geobox import GeoBox
from odc.geo.gridspec import GridSpec

from biomap_xr.errors import InputError
from biomap_xr.grid.names import cell_code, corner_of
from biomap_xr.grid.settings import GridSettings


@dataclass(frozen=True)
class Points:
    """Places in the grid's CRS: x and y in metres, arrays of one shape."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Cells as rows from the north and columns from the west, of one shape; -1 lies outside."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which cells lie on the grid, in the shape of ``row``."""
        return self.row >= 0

    def __getitem__(self, index: Any) -> "Cells":
        return Cells(self.row[index], self.column[index])

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Window:
    """A rectangle of cells of a grid as two slices ``(rows, columns)``."""

    rows: slice
    columns: slice

    def padded(self, cells: int) -> "Window":
        """Grow by a margin on each side, also beyond the grid (a start may be negative)."""
        return Window(
            slice(self.rows.start - cells, self.rows.stop + cells),
            slice(self.columns.start - cells, self.columns.stop + cells),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass(frozen=True)
class Tile:
    """One square of work: its EEA name, its place among the tiles, and its cells."""

    name: str
    row: int
    column: int
    geobox: GeoBox

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cell rows and columns."""
        return self.geobox.shape.y, self.geobox.shape.x

    @property
    def window(self) -> Window:
        """The tile's place among all cells of its grid."""
        rows, columns = self.shape
        return Window(
            slice(self.row * rows, (self.row + 1) * rows),
            slice(self.column * columns, (self.column + 1) * columns),
        )


@dataclass(frozen=True)
class Grid:
    """All cells of a map, north up, and the square tiles that they are worked on in.

    >>> grid = Grid.from_settings(GridSettings())
    >>> grid.shape, grid.tile("25kmE4025N2875").window.rows
    ((92000, 130000), slice(52000, 52500, None))
    """

    geobox: GeoBox
    tile_cells: int
    """Cells along a tile's side."""

    @classmethod
    def from_settings(cls, settings: GridSettings) -> Self:
        """Lay the grid out as a recipe says."""
        extent = settings.extent
        box = (extent.x_min, extent.y_min, extent.x_max, extent.y_max)
        geobox = GeoBox.from_bbox(box, settings.crs, resolution=settings.resolution, tight=True)
        return cls(geobox, round(settings.tile / settings.resolution))

    @property
    def crs(self) -> CRS:
        """The CRS of all coordinates."""
        return CRS(self.geobox.crs)

    @property
    def resolution(self) -> float:
        """Side of a cell in metres."""
        return self.geobox.resolution.x

    @property
    def tile_size(self) -> float:
        """Side of a tile in metres."""
        return self.tile_cells * self.resolution

    @property
    def shape(self) -> tuple[int, int]:
        """Number of cell rows and columns of the whole grid."""
        return self.geobox.shape.y, self.geobox.shape.x

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Number of tile rows and columns."""
        rows, columns = self.shape
        return rows // self.tile_cells, columns // self.tile_cells

    @cached_property
    def _spec(self) -> GridSpec:
        box = self.geobox.boundingbox
        return GridSpec(
            self.crs,
            wh_(self.tile_cells, self.tile_cells),
            resyx_(-self.resolution, self.resolution),
            origin=xy_(box.left, box.top - self.tile_size),
            flipy=True,
        )

    def tiles(self) -> Iterator[Tile]:
        """Yield every tile, row by row from the north-west."""
        rows, columns = self.tile_shape
        for row in range(rows):
            for column in range(columns):
                yield self.tile_at(row, column)

    def tile_at(self, row: int, column: int) -> Tile:
        """Return the tile at a place in the grid of tiles, counted from the north-west.

        Raises:
            InputError: There is no such tile.
        """
        rows, columns = self.tile_shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(
                f"tile ({row}, {column}) lies outside the {rows} x {columns} tiles of this grid"
            )
        geobox = self._spec.tile_geobox((column, row))
        box = geobox.boundingbox
        return Tile(cell_code(round(self.tile_size), box.left, box.bottom), row, column, geobox)

    def tile(self, name: str) -> Tile:
        """Return the tile of an EEA name.

        Raises:
            InputError: The name is malformed, of another tile size, or outside this grid.
        """
        size, x, y = corner_of(name)
        if size != round(self.tile_size):
            raise InputError(
                f"tile {name!r} is {size} m wide; this grid's tiles are {self.tile_size:g} m wide"
            )
        box = self.geobox.boundingbox
        tile = self.tile_at(round((box.top - y) // size) - 1, round((x - box.left) // size))
        if tile.name != name:
            raise InputError(
                f"tile {name!r} does not lie on this grid; the tile there is {tile.name!r}"
            )
        return tile

    def with_resolution(self, resolution: float) -> "Grid":
        """Return the grid of the same extent and tiles with cells of ``resolution`` metres.

        Raises:
            InputError: A tile is not a whole number of such cells.
        """
        cells = self.tile_size / resolution
        if not cells.is_integer():
            raise InputError(
                f"a tile of {self.tile_size:g} m is no whole number of cells of {resolution:g} m; "
                "choose a resolution that divides it"
            )
        geobox = GeoBox.from_bbox(
            self.geobox.boundingbox, self.crs, resolution=resolution, tight=True
        )
        return Grid(geobox, int(cells))

    def cells_of(self, points: Points) -> Cells:
        """Return the cell that each point (metres, any shape) lies in; -1 where outside."""
        columns, rows = self.geobox.wld2pix(
            np.asarray(points.x, float), np.asarray(points.y, float)
        )
        row, column = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
        height, width = self.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return Cells(np.where(inside, row, -1), np.where(inside, column, -1))

    def centres_of(self, cells: Cells) -> Points:
        """Return the centres of cells (any shape) in metres in the grid's CRS."""
        x, y = self.geobox.pix2wld(cells.column + 0.5, cells.row + 0.5)
        return Points(np.asarray(x, float), np.asarray(y, float))
