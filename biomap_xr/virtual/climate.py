"""Climate: monthly rain and temperatures of 2000 to 2018 at 30 arc seconds, in GeoPlant's units."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from biomap_xr.grid import Extent, Points
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Field
from biomap_xr.virtual.rasters import Layer, Part, Writers, write_parts

VARIABLES = ("pr", "tas", "tasmax", "tasmin")
YEARS = tuple(range(2000, 2019))
MONTHS = tuple(range(1, 13))
NODATA = 65_535
STEP = 1 / 120
"""Side of a pixel in degrees: 30 arc seconds."""
MARGIN = 3
"""Pixels by which the rasters reach beyond the map."""
PART = 512
"""Side of the part that is computed at once, in pixels."""
ANNUAL_RANGE = 9.0
"""Kelvin between the annual mean and the warmest month."""
WEATHER_SCALE = 250_000.0
"""Metres over which one month's weather changes."""


@dataclass(frozen=True, eq=False)
class Normals:
    """The long-term climate of places ``(n,)``."""

    temperature: NDArray[np.float32]
    """Annual mean, degrees Celsius."""
    precipitation: NDArray[np.float32]
    """Millimetres a year."""


def normals_at(world: World, places: Points) -> Normals:
    """Return the long-term climate of places ``(n,)``."""
    relief = world.terrain.at(places)
    rain = np.exp(world.raw("precipitation", places, relief))
    return Normals(world.raw("temperature", places, relief), rain)


def year_at(world: World, places: Points, climate: Normals, year: int) -> NDArray[np.uint16]:
    """Return one year's months ``(variable, month, n)``: 0.01 kg m-2 of rain, then 0.1 K."""
    months = [_month_at(world, places, climate, year, month) for month in MONTHS]
    return np.stack(months, axis=1)


def series_at(world: World, places: Points) -> NDArray[np.uint16]:
    """Return the cubes ``(n, variable, year, month)`` of the pixels that places ``(n,)`` lie in."""
    to_degrees, to_metres = _transformers()
    longitude, latitude = to_degrees.transform(places.x, places.y)
    x, y = to_metres.transform(_pixel_centre(longitude), _pixel_centre(latitude))
    pixels = Points(np.asarray(x), np.asarray(y))
    climate = normals_at(world, pixels)
    years = [year_at(world, pixels, climate, year) for year in YEARS]
    return np.stack(years).transpose(3, 1, 0, 2)


def climate_geobox(extent: Extent) -> GeoBox:
    """Return the raster in EPSG:4326 that covers an extent in EPSG:3035 with a margin."""
    to_degrees, _ = _transformers()
    west, south, east, north = to_degrees.transform_bounds(
        extent.x_min, extent.y_min, extent.x_max, extent.y_max, densify_pts=51
    )
    # Whole multiples of the step from the prime meridian, so that maps side by side fit together.
    left, bottom = math.floor(west / STEP) - MARGIN, math.floor(south / STEP) - MARGIN
    right, top = math.ceil(east / STEP) + MARGIN, math.ceil(north / STEP) + MARGIN
    affine = rasterio.Affine(STEP, 0, left * STEP, 0, -STEP, top * STEP)
    return GeoBox((top - bottom, right - left), affine, "EPSG:4326")


def write_climate(world: World, folder: Path, extent: Extent, threads: int) -> tuple[Path, ...]:
    """Write one file a variable and year, a band for each month; return their paths."""
    names = [(variable, year) for year in YEARS for variable in VARIABLES]
    bands = tuple(f"month_{month:02d}" for month in MONTHS)
    layers = [
        Layer(folder / f"{variable}_{year}.tif", bands, "uint16", NODATA)
        for variable, year in names
    ]
    write_parts(layers, climate_geobox(extent), partial(_fill, world), side=PART, threads=threads)
    return tuple(layer.path for layer in layers)


def _fill(world: World, part: Part, writers: Writers) -> None:
    """Write one part of every variable and year."""
    longitude, latitude = np.meshgrid(part.pixels.x, part.pixels.y)
    x, y = _transformers()[1].transform(longitude.ravel(), latitude.ravel())
    places = Points(x, y)
    climate = normals_at(world, places)
    for order, year in enumerate(YEARS):
        values = year_at(world, places, climate, year)
        for index in range(len(VARIABLES)):
            image = values[index].reshape(len(MONTHS), *longitude.shape)
            writers.write(order * len(VARIABLES) + index, part, image)


def _month_at(
    world: World, places: Points, climate: Normals, year: int, month: int
) -> NDArray[np.uint16]:
    """Return one month ``(variable, n)``: the normals, the season and that month's weather."""
    seed = world.settings.seed
    warm, wet = (
        Field.named(seed, f"{name}/{year}/{month}", {WEATHER_SCALE: 1.0}).at(places)
        for name in ("warm", "wet")
    )
    # July is the warmest month; rain falls a little more in winter.
    season = np.cos(2 * np.pi * (month - 7) / 12)
    mean = climate.temperature + ANNUAL_RANGE * season + 1.2 * warm
    rain = climate.precipitation / 12 * (1 - 0.2 * season) * np.exp(0.3 * wet - 0.045)
    # The mean of exp(0.3 z) is exp(0.045): weather moves single months, not the normals.
    day = 3.5 + 1.5 * season
    kelvin = [10 * (mean + shift + 273.15) for shift in (0, day, -day)]
    values = np.stack([100 * rain, *kelvin])
    return np.rint(np.clip(values, 0, NODATA - 1)).astype(np.uint16)


def _pixel_centre(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.floor(np.asarray(angle) / STEP) + 0.5) * STEP


def _transformers() -> tuple[Transformer, Transformer]:
    """Return the ways from metres (EPSG:3035) to longitude and latitude, and back."""
    return (
        Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True),
        Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True),
    )
