"""Sentinel-2: reflectance of four bands at 10 m on a few days, with clouds."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

from biomap_xr.grid import Extent
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Field, Lattice
from biomap_xr.virtual.landcover import land_cover_at
from biomap_xr.virtual.noise import GOLDEN, ROW, mix, salt_of
from biomap_xr.virtual.rasters import Layer, Part, Writers, geobox_of, write_parts

BANDS = ("red", "green", "blue", "nir")
NODATA = 0
WHITE = 10_000
"""Reflectance is stored times this."""
CLOUD_SCALE = 2_500.0
"""Metres between the nodes of the cloud field."""
PART = 1_024
"""Side of the part that is computed at once, in pixels."""
NOISE = 45.0
"""Standard deviation of what the sensor adds to a pixel."""

# Rows are bands; columns: base, then what one standard deviation of openness, moisture,
# productivity and the pattern of single canopies adds.
RESPONSE = np.array(
    [
        [820, 240, -110, -20, 45],
        [800, 150, -30, 10, 40],
        [480, 90, -60, 0, 20],
        [2900, -330, 520, 120, 150],
    ],
    np.float32,
)

# What a land cover adds to each band, by grid code; the others add nothing.
_ADDED = {
    2: (420, 380, 400, -350),
    12: (90, 70, 30, 40),
    15: (80, 50, 20, -30),
    18: (-30, 30, -10, 90),
    20: (40, 30, 15, 20),
    24: (-60, -60, -25, -110),
    25: (-30, -30, -12, -50),
    26: (30, 30, 5, 30),
    27: (10, -10, 0, -60),
    30: (900, 850, 750, 150),
    31: (600, 560, 540, -500),
    32: (250, 220, 200, -250),
    35: (-30, -20, -5, -90),
    36: (-10, -20, -5, -80),
}
_WATER = {41: (240, 330, 330, 130), 44: (180, 290, 380, 90)}
"""Reflectance of water by grid code: there nothing else matters."""


@dataclass(frozen=True, eq=False)
class Surface:
    """What the sensor looks at: arrays ``(rows, columns)`` that all scenes share."""

    cover: NDArray[np.uint8]
    drivers: NDArray[np.float32]
    """(openness, moisture, productivity, canopy; rows, columns)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One day's image."""

    reflectance: NDArray[np.uint16]
    """``(band, rows, columns)`` times 10,000; 0 is no data."""
    valid: NDArray[np.uint8]
    """``(rows, columns)``: 1 where the ground is seen, 0 under a cloud."""


def surface_at(world: World, pixels: Lattice) -> Surface:
    """Return what a sensor sees of the ground, whatever the day."""
    relief = world.terrain.at(pixels)
    names = ("openness", "moisture", "productivity")
    drivers = [world.driver(name, pixels) for name in names]
    # Productivity shows a little here, too: the snapshot and the series are not strangers.
    canopy = world.field("canopy", pixels)
    return Surface(land_cover_at(world, pixels, relief), np.stack([*drivers, canopy]))


def scene_at(world: World, surface: Surface, pixels: Lattice, day: date) -> Scene:
    """Return the image of one day at pixels; clouds are bright and marked in the mask."""
    settings = world.settings
    size = settings.sentinel2_resolution
    reflectance = np.empty((len(BANDS), *surface.cover.shape), np.uint16)
    cloud = Field.named(settings.seed, f"cloud/{day}", {CLOUD_SCALE: 0.8, 500.0: 0.2}).at(pixels)
    # Below minus infinity there is nothing: a share of zero means no clouds.
    level = np.float32(-ndtri(settings.cloud)) if settings.cloud else np.float32(np.inf)
    # At most 4%, since scenes are corrected for the sun and all lie in the growing season.
    phase = np.cos(2 * np.pi * (day.timetuple().tm_yday - 190) / 365)
    sensor = _Sensor(
        np.floor(pixels.y / size).astype(np.int64),
        np.floor(pixels.x / size).astype(np.int64),
        np.uint64(salt_of(settings.seed, "sensor", day)),
        np.array([1 - 0.03 * phase, 1 - 0.01 * phase, 1.0, 1 + 0.04 * phase], np.float32),
    )
    render(surface.cover, surface.drivers, cloud - level, sensor, _OPTICS, reflectance)
    return Scene(reflectance, (cloud <= level).astype(np.uint8))


def composite_at(world: World, pixels: Lattice) -> NDArray[np.uint16]:
    """Return the median ``(band, rows, columns)`` of the scenes' valid pixels, 0 without any."""
    surface = surface_at(world, pixels)
    scenes = [scene_at(world, surface, pixels, day) for day in world.settings.scenes]
    values = np.stack([scene.reflectance for scene in scenes])
    hidden = np.broadcast_to(
        np.stack([scene.valid == 0 for scene in scenes])[:, None], values.shape
    )
    middle = np.ma.median(np.ma.masked_array(values, hidden), axis=0)
    return np.rint(np.ma.filled(middle, NODATA)).astype(np.uint16)


def write_sentinel2(world: World, folder: Path, extent: Extent, threads: int) -> tuple[Path, ...]:
    """Write every scene and its mask below ``folder``; return the scenes' paths."""
    days = sorted(world.settings.scenes)
    names = [folder / f"S2_{day:%Y%m%d}.tif" for day in days]
    layers = [Layer(path, BANDS, "uint16", NODATA) for path in names]
    masks = [
        Layer(path.with_stem(f"{path.stem}_mask"), ("valid",), "uint8", None) for path in names
    ]
    half = len(layers)

    def fill(part: Part, writers: Writers) -> None:
        surface = surface_at(world, part.pixels)
        for order, day in enumerate(days):
            scene = scene_at(world, surface, part.pixels, day)
            writers.write(order, part, scene.reflectance)
            writers.write(half + order, part, scene.valid[None])

    geobox = geobox_of(extent, world.settings.sentinel2_resolution)
    write_parts([*layers, *masks], geobox, fill, side=PART, threads=threads)
    return tuple(names)


def _added() -> NDArray[np.float32]:
    """Return what each grid code adds, ``(code, band)``; very low numbers replace all."""
    table = np.zeros((256, len(BANDS)), np.float32)
    for code, values in _ADDED.items():
        table[code] = values
    for code, values in _WATER.items():
        table[code] = np.array(values) - 1e5
    return table


class _Sensor(NamedTuple):
    """One scene's geometry as the compiled loop reads it."""

    row: NDArray[np.int64]
    """``(rows,)``: pixels counted from the origin of the CRS."""
    column: NDArray[np.int64]
    salt: np.uint64
    season: NDArray[np.float32]
    """``(band,)``."""


class _Optics(NamedTuple):
    """How the ground reflects."""

    response: NDArray[np.float32]
    """(band, base and drivers)."""
    added: NDArray[np.float32]
    """(grid code, band)."""


_OPTICS = _Optics(RESPONSE, _added())


def _render(
    cover: NDArray[np.uint8],
    drivers: NDArray[np.float32],
    cloud: NDArray[np.float32],
    sensor: _Sensor,
    optics: _Optics,
    reflectance: NDArray[np.uint16],
) -> None:
    """Fill ``reflectance`` ``(band, rows, columns)`` with what the sensor measures."""
    for r in range(cover.shape[0]):
        line = mix(np.uint64(sensor.row[r]) * np.uint64(ROW) + sensor.salt)
        for c in range(cover.shape[1]):
            noise = mix(line + np.uint64(sensor.column[c]) * np.uint64(GOLDEN))
            cloudy = max(cloud[r, c], np.float32(0))
            for b in range(4):
                base = optics.response[b, 0]
                value = base + optics.added[cover[r, c], b]
                if value < np.float32(-5e4):
                    value += np.float32(1e5) - base
                else:
                    for k in range(4):
                        value += optics.response[b, k + 1] * drivers[k, r, c]
                # Two bytes a band: their sum is near enough to the normal noise of a sensor.
                low = np.float32((noise >> np.uint64(16 * b)) & np.uint64(255))
                high = np.float32((noise >> np.uint64(16 * b + 8)) & np.uint64(255))
                value = value * sensor.season[b] + cloudy * np.float32(9000)
                value += np.float32(NOISE / 104.5) * (low + high - np.float32(255))
                reflectance[b, r, c] = np.uint16(min(max(value, np.float32(1)), np.float32(WHITE)))


render = njit(nogil=True, cache=True)(_render)
