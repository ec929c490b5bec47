"""Land cover that agrees with the habitats, as CORINE's grid codes: for maps of all formations."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice, broadcast_y
from biomap_xr.virtual.habitats import NO_HABITAT, Habitat
from biomap_xr.virtual.landcover import LAKE, NODATA, SEA, land_cover_at
from biomap_xr.virtual.noise import hashes_of, salt_of, uniforms
from biomap_xr.virtual.rasters import Layer, Part, Writers, pixels_of
from biomap_xr.virtual.truth import Truth

CITY, INDUSTRY, RIVER, LAGOON, ESTUARY = 1, 3, 40, 42, 43
CROWDED = 1.6
"""Standard deviations of people above which there are towns."""
BUILT, INDUSTRIAL = 0.2, 0.04
"""Shares of a town that are houses or industry, and industry; the rest is green."""
WRONG = 0.03
"""Share of the land where land cover is that of a map which knows nothing of habitats."""
SECOND = 0.2
"""Share of a habitat's land with its second land cover."""
STAND, TOWN = 2, 6
"""Cells along the side of a square that has one land cover, and that is built up or not."""
SHALLOW, CHANNEL = 0.03, 0.15
"""Heights of the sea bed that are lagoons and estuaries, and half the width of their channels, in
standard deviations of the fields that make them."""


def write_land_cover(truth: Truth, path: Path) -> None:
    """Write the land cover of the stored habitats at the map's resolution, tile by tile."""
    layer = Layer(path, ("land_cover",), "uint8", NODATA)
    habitat = truth.open()["habitat"]
    with Writers([layer], truth.grid.geobox) as writers:
        for tile in truth.grid.tiles():
            rows, columns = tile.window.rows, tile.window.columns
            pixels = pixels_of(truth.grid.geobox, rows, columns)
            numbers = habitat.isel(y=rows, x=columns).to_numpy()
            codes = covers_at(truth.assemblage.world, truth.assemblage.habitats, pixels, numbers)
            window = Window(columns.start, rows.start, *codes.shape[::-1])
            writers.write(0, Part(window, pixels), codes[None])


def covers_at(
    world: World, habitats: tuple[Habitat, ...], pixels: Lattice, numbers: NDArray[np.uint16]
) -> NDArray[np.uint8]:
    """Return the land cover of cells with habitats ``(rows, columns)``, in their shape.

    Nearly every habitat stands on land cover that the crosswalk allows it; in some stands the map
    is wrong, towns have houses, and water is what it is.
    """
    relief = world.terrain.at(pixels)
    plain = land_cover_at(world, pixels, relief)
    codes = np.where(numbers == NO_HABITAT, _water(world, pixels), plain)
    second = _share(world, pixels, "cover_second", STAND) < SECOND
    for one in habitats:
        usual, other = one.covers[0], one.covers[-1]
        codes = np.where(numbers == one.number, np.where(second, other, usual), codes)
    wrong = _share(world, pixels, "cover_wrong", STAND) < WRONG
    codes = np.where(relief.land & wrong, plain, codes)
    made = np.isin(numbers, [one.number for one in habitats if one.place == "made"])
    built = _share(world, pixels, "cover_built", TOWN)
    houses = made & (world.field("people", pixels) > CROWDED) & (built < BUILT)
    codes = np.where(houses, np.where(built < INDUSTRIAL, INDUSTRY, CITY), codes)
    return codes.astype(np.uint8)


def _water(world: World, pixels: Lattice) -> NDArray[np.int64]:
    """Return the code of water ``(rows, columns)``, whatever is there."""
    relief = world.terrain.at(pixels)
    channel = np.abs(world.terrain.ridge.at(pixels)) < CHANNEL
    shallow = relief.height > -SHALLOW
    lagoon = shallow & (world.driver("moisture", pixels) > 0.5)
    kinds = [relief.lake & ~relief.sea & channel, relief.lake & ~relief.sea]
    kinds += [shallow & channel, lagoon]
    return np.select(kinds, [RIVER, LAKE, ESTUARY, LAGOON], default=SEA)


def _share(world: World, pixels: Lattice, purpose: str, side: int) -> NDArray[np.float64]:
    """Return a number between 0 and 1 for each square of cells, ``(rows, columns)``."""
    size = side * world.settings.resolution
    column = np.floor(pixels.x / size).astype(np.int64)
    row = np.floor(broadcast_y(pixels) / size).astype(np.int64)
    return uniforms(hashes_of(salt_of(world.settings.seed, purpose), row, column))
