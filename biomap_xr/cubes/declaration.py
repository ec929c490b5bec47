"""What a cube will hold, said before any of it exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.grid import Grid

Attributes = Mapping[str, Any]
PARTS = 250
"""A stored probability is a whole number of so many parts of 1."""


@dataclass(frozen=True)
class Coordinate:
    """One coordinate other than x and y: its dims, values and CF attributes."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Variable:
    """One array of a cube.

    ``shards`` and ``chunks`` name the dims that are cut; a dim that they leave out is whole in each
    shard. The shard along y and x is the tile, which `Cube` fills in, so that a tile has exactly
    one writer per shard.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str
    fill: float
    attributes: Attributes
    shards: Mapping[str, int] = field(default_factory=dict)
    chunks: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = (set(self.shards) | set(self.chunks)) - set(self.dims)
        if unknown:
            raise InputError(
                f"variable {self.name!r}: shards or chunks name {sorted(unknown)}, "
                f"expected some of its dims {self.dims}"
            )


@dataclass(frozen=True)
class Cube:
    """One group of a Zarr store on a grid: the declaration that `declare` lays out on disk."""

    group: str
    """Path of the group in the store; empty for its root."""
    grid: Grid
    variables: tuple[Variable, ...]
    coordinates: Mapping[str, Coordinate] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)

    def shape_of(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of a variable, dims in its order."""
        return tuple(self._sizes[dim] for dim in variable.dims)

    def shards_of(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of a shard of a variable: one tile along y and x."""
        tile = {"y": self.grid.tile_cells, "x": self.grid.tile_cells}
        return tuple(
            min(variable.shards.get(dim, tile.get(dim, self._sizes[dim])), self._sizes[dim])
            for dim in variable.dims
        )

    def chunks_of(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of the inner chunks of a variable, each a divisor of its shard's."""
        shards = self.shards_of(variable)
        wanted = tuple(
            min(variable.chunks.get(dim, size), size)
            for dim, size in zip(variable.dims, shards, strict=True)
        )
        return tuple(
            size if size % chunk else chunk for chunk, size in zip(wanted, shards, strict=True)
        )

    @property
    def _sizes(self) -> dict[str, int]:
        rows, columns = self.grid.shape
        sizes = {"y": rows, "x": columns}
        for coordinate in self.coordinates.values():
            sizes |= dict(zip(coordinate.dims, np.shape(coordinate.values), strict=True))
        return sizes
