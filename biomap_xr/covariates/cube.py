"""The covariates cube as models read it: any window of any group, filled beyond the extent."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from biomap_xr.covariates.settings import MAIN
from biomap_xr.cubes import open_cube
from biomap_xr.cubes.shards import ZARRS
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid, Tile, Window
from biomap_xr.run import fingerprint_of

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Covariates:
    """A handle on a covariates cube: its path and grid alone, so that it travels to workers."""

    store: Path
    grid: Grid
    """Of the map's cells."""

    @classmethod
    def open(cls, store: Path, grid: Grid) -> Self:
        """Open a cube of a grid.

        Raises:
            InputError: There is no cube, or one of its groups lies elsewhere.
        """
        covariates = cls(store, grid)
        if not covariates.groups:
            raise InputError(
                f"{store} is no covariates cube; expected the groups {(*MAIN, 'masks')}: gather "
                "it first"
            )
        for group in covariates.groups:
            covariates.grid_of(group)
        return covariates

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups that are there."""
        return tuple(
            name for name in (*MAIN, "masks") if (self.store / name / "zarr.json").is_file()
        )

    @property
    def fingerprint(self) -> str:
        """One short name for the settings and sources of all groups."""
        contents = {name: self.dataset(name).attrs.get("content") for name in self.groups}
        # Of the masks land counts: it says which cells a model may see.
        contents["masks"] = self.dataset("masks").attrs.get("land_content")
        return fingerprint_of(contents)

    def dataset(self, group: str) -> "xr.Dataset":
        """Open a group as a labelled, lazy dataset.

        Raises:
            InputError: It is not in the cube.
        """
        return open_cube(self.store, group)

    def array(self, group: str, variable: str) -> zarr.Array[Any]:
        """Open an array of a group, with its dims in the stored order.

        Raises:
            InputError: It is not in the cube.
        """
        # The time of change tells an array that was laid out anew from the one that was opened.
        place = self.store / group / variable
        if not (place / "zarr.json").is_file():
            raise InputError(
                f"{self.store} has no {group}/{variable}; it has the groups {self.groups}: gather "
                "it first"
            )
        return _array(place, (place / "zarr.json").stat().st_mtime_ns)

    def fill(self, group: str, variable: str | None = None) -> float:
        """Return the missing value of a variable, by default the group's main one."""
        return float(self.array(group, variable or MAIN[group]).fill_value)

    def years(self, group: str) -> list[int]:
        """Return the calendar years of a time cube.

        >>> # covariates.years("landsat")[-1] -> 2020
        """
        return [int(year) for year in _coordinate(self.store / group / "year")]

    def names(self, group: str) -> tuple[str, ...]:
        """Return the names along the first dim: bands or variables."""
        label = "variable" if group in ("climate", "predictors") else "band"
        return tuple(str(name) for name in _coordinate(self.store / group / label))

    def grid_of(self, group: str) -> Grid:
        """Return the grid of a group's pixels.

        Raises:
            InputError: The stored group has another shape than this grid at any resolution.
        """
        variable = MAIN.get(group, "land")
        rows, columns = self.array(group, variable).shape[-2:]
        height, width = self.grid.shape
        # Square pixels over one extent keep the map's ratio of rows to columns.
        if rows * width != columns * height:
            raise InputError(
                f"{self.store / group} has {rows} x {columns} pixels, which do not fit the map's "
                f"{height} x {width} cells; the cube was made for another extent: use its grid, "
                "or gather it again"
            )
        return self.grid.with_resolution(self.grid.resolution * height / rows)

    def ratio(self, group: str) -> float:
        """Return how many pixels of a group lie along the side of a cell."""
        return float(self.grid.resolution / self.grid_of(group).resolution)

    def window(self, group: str, variable: str, tile: Tile, padding: int = 0) -> NDArray[Any]:
        """Read a tile and a margin around it.

        Args:
            group: Name of the group.
            variable: Name of the array.
            tile: Of the map's grid.
            padding: Pixels of the group on each side.

        Returns:
            (..., y, x) in the stored dims, beyond the extent the missing value.
        """
        place = self.grid_of(group).tile(tile.name).window
        return self.read(group, variable, place.padded(padding))

    def read(self, group: str, variable: str, window: Window) -> NDArray[Any]:
        """Read any window of a group's pixels, also beyond the extent, where all is missing.

        Args:
            group: Name of the group.
            variable: Name of the array.
            window: Rows and columns of the group's pixels; may start below 0 and end beyond the
                cube.

        Returns:
            (..., y, x) in the stored dims, and in the window's shape.
        """
        array = self.array(group, variable)
        height, width = array.shape[-2:]
        rows, columns = _within(window.rows, height), _within(window.columns, width)
        # Most windows lie inside: then nothing is copied.
        whole = (rows.stop - rows.start, columns.stop - columns.start) == window.shape
        inner = (
            np.asarray(array[..., rows, columns])
            if rows.stop > rows.start and columns.stop > columns.start
            else None
        )
        if whole and inner is not None:
            return inner
        out = np.full((*array.shape[:-2], *window.shape), array.fill_value, array.dtype)
        if inner is not None:
            top, left = rows.start - window.rows.start, columns.start - window.columns.start
            out[..., top : top + inner.shape[-2], left : left + inner.shape[-1]] = inner
        return out

    def pixels_of(self, group: str, cells: Cells) -> Cells:
        """Return the pixel of a group that the centre of each cell lies in."""
        ratio = self.ratio(group)
        return Cells(
            *(np.floor((each + 0.5) * ratio).astype(np.int64) for each in (cells.row, cells.column))
        )


@lru_cache(maxsize=32)
def _array(place: Path, _modified: int) -> zarr.Array[Any]:
    # Reading through zarrs is several times faster; what it cannot decode it leaves to zarr-python.
    with zarr.config.set(ZARRS):
        return zarr.open_array(place, mode="r")


def _coordinate(place: Path) -> NDArray[Any]:
    return np.asarray(zarr.open_array(place, mode="r")[...])


def _within(part: slice, size: int) -> slice:
    start = min(max(part.start, 0), size)
    return slice(start, min(max(part.stop, start), size))
