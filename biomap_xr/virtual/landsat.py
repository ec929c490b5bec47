"""Landsat: six bands as bytes in every quarter of 2000 to 2020.

The series tells seasons, productivity and disturbance.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from biomap_xr.grid import Extent, Points
from biomap_xr.virtual.drivers import FIRST_YEAR, LAST_YEAR, Disturbance, World
from biomap_xr.virtual.fields import Field, Places, broadcast_y
from biomap_xr.virtual.noise import GOLDEN, Hashes, generator_of, hashes_of, salt_of
from biomap_xr.virtual.rasters import Layer, Part, Writers, geobox_of, write_parts

BANDS = ("red", "green", "blue", "nir", "swir1", "swir2")
QUARTERS = (1, 2, 3, 4)
YEARS = tuple(range(FIRST_YEAR, LAST_YEAR + 1))
NODATA = 255
PART = 1_024
"""Side of the part that is computed at once, in pixels."""
CLOUDED = (0.08, 0.03, 0.01, 0.05)
"""Share of the map without any clear view in each quarter of a year."""
WEATHER = 1.5
"""Standard deviation, in bytes, of what a quarter's weather does to a whole band."""
MIDDLE = (FIRST_YEAR + LAST_YEAR) / 2

# Rows are bands; columns: base, season (winter to summer), and what one standard deviation of
# phenology (to the season), productivity, openness, productivity (to the yearly trend) and a fresh
# disturbance add.
RESPONSE = np.array(
    [
        [28, -5, -3.0, -2.5, 2.0, -0.06, 16],
        [30, -2, -1.0, -1.5, 1.2, -0.02, 9],
        [22, -2, -1.0, -0.8, 0.8, -0.02, 7],
        [88, 22, 13.0, 7.0, -2.0, 0.30, -26],
        [62, 6, 2.0, -6.0, 3.0, -0.12, 30],
        [38, 2, 1.0, -5.0, 2.5, -0.12, 28],
    ],
    np.float32,
)
SEASON = np.array([-1.0, 0.35, 1.0, -0.2], np.float32)
"""How far each quarter is between winter (-1) and summer (1)."""
WATER = np.array([10, 14, 18, 6, 4, 3], np.float32)
"""What water gives in each band."""


@dataclass(frozen=True, eq=False)
class Vegetation:
    """What Landsat looks at, flattened to pixels ``(n,)``."""

    drivers: NDArray[np.float32]
    """(phenology, productivity, openness; n)."""
    disturbance: Disturbance
    water: NDArray[np.bool_]
    hashes: Hashes


def vegetation_at(world: World, pixels: Places) -> Vegetation:
    """Return what Landsat sees at the centres of pixels, whatever the date."""
    names = ("phenology", "productivity", "openness")
    drivers = np.stack([world.driver(name, pixels).ravel() for name in names])
    size = world.settings.landsat_resolution
    row = np.floor(broadcast_y(pixels) / size).astype(np.int64)
    column = np.floor(pixels.x / size).astype(np.int64)
    hashes = hashes_of(salt_of(world.settings.seed, "landsat"), row, column).ravel()
    past = world.disturbance(pixels)
    flat = Disturbance(past.severity.ravel(), past.year.ravel())
    return Vegetation(drivers, flat, ~world.terrain.at(pixels).land.ravel(), hashes)


def quarter_at(
    world: World, vegetation: Vegetation, pixels: Places, year: int, quarter: int
) -> NDArray[np.uint8]:
    """Return the bytes ``(band, n)`` of one quarter at pixels; 255 where clouds never opened."""
    seed = world.settings.seed
    values = np.empty((len(BANDS), len(vegetation.hashes)), np.uint8)
    # Veils are one field a date: where winter was dark, whole regions lack that quarter.
    veil = Field.named(seed, f"veil/{year}/{quarter}", {3_000.0: 1.0}).at(pixels).ravel()
    weather = generator_of(seed, f"weather/{year}/{quarter}").normal(0, WEATHER, len(BANDS))
    seen = _Seen(
        vegetation.drivers,
        vegetation.disturbance.remaining(year + (quarter - 1) / 4),
        vegetation.water,
        veil > -ndtri(CLOUDED[quarter - 1]),
        vegetation.hashes ^ np.uint64(salt_of(seed, "quarter", year, quarter)),
    )
    when = _When(weather.astype(np.float32), SEASON[quarter - 1], np.float32(year - MIDDLE))
    render(seen, when, RESPONSE, WATER, values)
    return values


def series_at(world: World, points: Points) -> NDArray[np.uint8]:
    """Return the cubes ``(n, band, quarter, year)`` of the pixels of points, 255 unseen."""
    extent, size = world.settings.grid_settings().extent, world.settings.landsat_resolution
    column = np.floor((points.x - extent.x_min) / size)
    row = np.floor((extent.y_max - points.y) / size)
    centres = Points(extent.x_min + size * (column + 0.5), extent.y_max - size * (row + 0.5))
    vegetation = vegetation_at(world, centres)
    quarters = [
        [quarter_at(world, vegetation, centres, year, quarter) for year in YEARS]
        for quarter in QUARTERS
    ]
    return np.array(quarters).transpose(3, 2, 0, 1)


def write_landsat(world: World, folder: Path, extent: Extent, threads: int) -> tuple[Path, ...]:
    """Write one file a quarter below ``folder``; return their paths."""
    dates = [(year, quarter) for year in YEARS for quarter in QUARTERS]
    layers = [
        Layer(folder / f"landsat_{year}_q{quarter}.tif", BANDS, "uint8", NODATA)
        for year, quarter in dates
    ]

    def fill(part: Part, writers: Writers) -> None:
        vegetation = vegetation_at(world, part.pixels)
        shape = len(part.pixels.y), len(part.pixels.x)
        for order, (year, quarter) in enumerate(dates):
            values = quarter_at(world, vegetation, part.pixels, year, quarter)
            writers.write(order, part, values.reshape(-1, *shape))

    geobox = geobox_of(extent, world.settings.landsat_resolution)
    write_parts(layers, geobox, fill, side=PART, threads=threads)
    return tuple(layer.path for layer in layers)


class _Seen(NamedTuple):
    """Pixels of one quarter as the compiled loop reads them."""

    drivers: NDArray[np.float32]
    """(phenology, productivity, openness; n)."""
    disturbed: NDArray[np.float32]
    """``(n,)``: what is left of a disturbance."""
    water: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    """``(n,)``: without a clear view."""
    hashes: Hashes


class _When(NamedTuple):
    """One quarter."""

    weather: NDArray[np.float32]
    """``(band,)``: bytes that all pixels have more or less."""
    season: np.float32
    """-1 in winter to 1 in summer."""
    age: np.float32
    """Years from the middle of the series."""


def _render(
    seen: _Seen,
    when: _When,
    response: NDArray[np.float32],
    still: NDArray[np.float32],
    values: NDArray[np.uint8],
) -> None:
    """Fill ``values`` ``(band, n)`` for one quarter; ``still`` ``(band,)`` is what water gives."""
    for b in range(values.shape[0]):
        base = response[b, 0] + response[b, 1] * when.season + when.weather[b]
        phenology = response[b, 2] * when.season
        productivity = response[b, 3] + response[b, 5] * when.age
        scramble = np.uint64(2 * b) + np.uint64(GOLDEN)
        for i in range(values.shape[1]):
            value = base + phenology * seen.drivers[0, i] + productivity * seen.drivers[1, i]
            value += response[b, 4] * seen.drivers[2, i] + response[b, 6] * seen.disturbed[i]
            # Branches inside the loop cost less than a second pass over memory.
            if seen.water[i]:
                value = still[b]
            # One of four levels a byte apart, from the two highest bits of a product with the hash.
            bits = (seen.hashes[i] * scramble) >> np.uint64(62)
            value += np.float32(bits) - np.float32(1)
            byte = np.uint8(min(max(value, np.float32(0)), np.float32(250)))
            values[b, i] = np.uint8(255) if seen.hidden[i] else byte


render = njit(nogil=True, cache=True)(_render)
