"""How far the sea is, and which coast a place belongs to."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from biomap_xr.grid import Points
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice, Places
from biomap_xr.virtual.formations import COAST_OF, NO_COAST
from biomap_xr.virtual.ground import ecoregions_at

DEPTH = 5_000.0
"""Metres that a coast reaches inland (paper 2, step 2)."""
MARGIN = 6_000.0
"""Metres around the map in which the sea is looked for, too."""
NODES = 2_000
"""Nodes along the longer side of the map at which the distance is known, at most."""
FAR = 1e6
"""Metres to the sea where there is none."""
BLOCK = 10
"""Cells along the side of a square that belongs to one ecoregion, as in the file of polygons."""


@dataclass(frozen=True, eq=False)
class Shore:
    """Distance to the sea at nodes of a square lattice."""

    nodes: Lattice
    distance: NDArray[np.float32]
    """``(y, x)`` in metres, 0 in the sea."""

    @classmethod
    def of(cls, world: World) -> Self:
        """Measure a world; the sea beyond the map and `MARGIN` around it does not count."""
        settings = world.settings
        extent = settings.grid_settings().extent
        side = max(extent.x_max - extent.x_min, extent.y_max - extent.y_min)
        step = max(settings.resolution, side / NODES)
        x, y = (
            np.arange(low - MARGIN + step / 2, high + MARGIN, step)
            for low, high in ((extent.x_min, extent.x_max), (extent.y_min, extent.y_max))
        )
        nodes = Lattice(x, y)
        dry = ~world.terrain.at(nodes).sea
        if dry.all():
            return cls(nodes, np.full(dry.shape, FAR, np.float32))
        return cls(nodes, (step * distance_transform_edt(dry)).astype(np.float32))

    def at(self, places: Places) -> NDArray[np.float32]:
        """Return metres to the sea at places ``(n,)``, a raster line by line; 0 in the sea."""
        points = flat(places)
        step = self.nodes.x[1] - self.nodes.x[0]
        at = (points.y - self.nodes.y[0]) / step, (points.x - self.nodes.x[0]) / step
        return np.asarray(map_coordinates(self.distance, at, order=1, mode="nearest"), np.float32)


def coasts_at(world: World, shore: Shore, places: Places) -> NDArray[np.uint8]:
    """Return the code of the coast at places ``(n,)``, a raster line by line; 255 off the coast.

    The sea belongs to a coast, too: plots just off the shore are on it.
    """
    codes = coasts_of(regions_at(world, places))
    return np.where(shore.at(places) <= DEPTH, codes, np.uint8(NO_COAST))


def coasts_of(ecoregion: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the code of the coast that ecoregions ``(n,)`` have.

    >>> coasts_of(np.array([795, 664])).tolist()
    [5, 2]
    """
    codes, index = np.unique(ecoregion, return_inverse=True)
    return np.array([COAST_OF[int(code)] for code in codes], np.uint8)[index]


def regions_at(world: World, places: Places) -> NDArray[np.int32]:
    """Return the code of the ecoregion at places ``(n,)`` as the polygons have it, in blocks."""
    side = BLOCK * world.settings.resolution
    x, y = ((np.floor(axis / side) + 0.5) * side for axis in (places.x, places.y))
    if isinstance(places, Points):
        return ecoregions_at(world, Points(x, y))
    # Each block of a raster is looked at once.
    (x, column), (y, row) = (np.unique(axis, return_inverse=True) for axis in (x, y))
    return ecoregions_at(world, Lattice(x, y))[np.ix_(row, column)].ravel()


def flat(places: Places) -> Points:
    """Return the places of a raster as points, line by line from its first.

    >>> flat(Lattice(np.array([1.0, 2.0]), np.array([5.0]))).x.tolist()
    [1.0, 2.0]
    """
    if isinstance(places, Points):
        return places
    y, x = np.meshgrid(places.y, places.x, indexing="ij")
    return Points(x.ravel(), y.ravel())
