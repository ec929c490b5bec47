"""Land cover as CORINE's grid codes (1 to 44), from terrain, climate, vegetation and people."""

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Places
from biomap_xr.virtual.terrain import Relief

URBAN, ARABLE, VINEYARD, PASTURE, MOSAIC = 2, 12, 15, 18, 20
BROADLEAVED, CONIFEROUS, MIXED, GRASSLAND, HEATH, SHRUB = 23, 24, 25, 26, 27, 29
BEACH, ROCK, SPARSE, MARSH, BOG, LAKE, SEA = 30, 31, 32, 35, 36, 41, 44
NODATA = 255
TREE_LINE = 1_800.0
"""Metres above which no forest grows."""


def land_cover_at(world: World, places: Places, relief: Relief) -> NDArray[np.uint8]:
    """Return CORINE grid codes at places, in their shape; the first rule that holds decides."""
    openness = world.driver("openness", places)
    moisture = world.driver("moisture", places)
    warmth = world.driver("temperature", places, relief)
    rain = world.driver("precipitation", places, relief)
    # Nobody settles high up.
    people = world.field("people", places) - relief.elevation / np.float32(900)
    high = relief.elevation > TREE_LINE
    meadow = (openness > 0.6) & (people <= -0.6) & (moisture <= 0.3)
    rules = {
        SEA: relief.sea,
        LAKE: relief.lake,
        ROCK: relief.elevation > TREE_LINE + 450,
        SPARSE: high & (openness > 0.6),
        GRASSLAND: high | meadow,
        BEACH: (relief.height < 0.015) & (openness > 0),
        URBAN: people > 1.6,
        MARSH: (moisture > 1.7) & (relief.elevation < 250),
        BOG: (moisture > 1.8) & (rain > 0),
        VINEYARD: (people > 0.4) & (warmth > 0.9) & (openness > 0.1) & (moisture < 0),
        ARABLE: (people > 0.2) & (openness > 0.2),
        PASTURE: (people > -0.6) & (openness > 0.4),
        MOSAIC: people > 0.9,
        HEATH: (openness > 0.7) & (moisture > 0.3),
        SHRUB: openness > 0.1,
        CONIFEROUS: warmth < -0.6,
        MIXED: warmth < 0.1,
    }
    codes = np.select(list(rules.values()), list(rules), default=BROADLEAVED)
    return codes.astype(np.uint8)
