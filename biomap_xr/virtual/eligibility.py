"""Which habitats can be in a place: coasts, ecoregions, fields and towns."""

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Places
from biomap_xr.virtual.habitats import Habitat
from biomap_xr.virtual.landcover import ARABLE, MOSAIC, URBAN, land_cover_at
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.shore import Shore, coasts_of, regions_at

MADE = (URBAN, ARABLE, MOSAIC)
"""Land cover of man-made habitats: towns, fields, and mosaics of fields and gardens."""
LOW = 30.0
"""Metres above the sea below which there are salt marshes."""
STRIP, REACH = 1_000.0, 4_800.0
"""Metres from the sea within which only coastal habitats grow, and within which they may."""


def reaches(settings: VirtualSettings) -> tuple[float, float]:
    """Return `STRIP` and `REACH` in metres, less on tiny maps, which would be all coast.

    >>> reaches(VirtualSettings())
    (1000.0, 4800.0)
    """
    scale = settings.regional_scale
    return min(STRIP, 0.125 * scale), min(REACH, 0.6 * scale)


def allowed_at(
    world: World, shore: Shore, habitats: tuple[Habitat, ...], places: Places
) -> NDArray[np.bool_]:
    """Return which habitats can be at places: ``(habitat, n)``, a raster line by line.

    By the sea there are littoral habitats on low ground and coastal ones elsewhere; on fields and
    in towns man-made ones; in all other places inland ones and, not far from the sea, coastal ones.
    Each keeps to its coasts or ecoregions.
    """
    relief = world.terrain.at(places)
    strip, reach = reaches(world.settings)
    distance = shore.at(places)
    beach, near = distance <= strip, distance <= reach
    made = np.isin(land_cover_at(world, places, relief), MADE).ravel() & ~beach
    low = (relief.elevation < LOW).ravel()
    places_of = {
        "littoral": beach & low,
        "coast": (beach & ~low) | (near & ~beach & ~made),
        "made": made,
        "inland": ~beach & ~made,
    }
    ecoregion = regions_at(world, places)
    coast = coasts_of(ecoregion)
    allowed = np.empty((len(habitats), len(distance)), bool)
    for row, one in enumerate(habitats):
        allowed[row] = places_of[one.place]
        if one.regions:
            region = coast if one.place in ("coast", "littoral") else ecoregion
            allowed[row] &= np.isin(region, one.regions)
    return allowed
