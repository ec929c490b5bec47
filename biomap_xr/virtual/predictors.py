"""Further predictors for habitats: climate, relief, ground, canopy and seasons, one raster each.

What satellites would measure is a driver seen through noise, so that no predictor is the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from biomap_xr.grid import Extent
from biomap_xr.virtual.drivers import LAST_YEAR, World
from biomap_xr.virtual.fields import Field, Lattice
from biomap_xr.virtual.ground import PART, gradient_at
from biomap_xr.virtual.rasters import Layer, Part, Writers, geobox_of, write_parts
from biomap_xr.virtual.shore import Shore
from biomap_xr.virtual.terrain import Relief

PARENT_MATERIALS = {
    1: "limestone",
    2: "marl",
    3: "loess",
    4: "sandstone",
    5: "granite",
    6: "river deposits",
    7: "peat",
}
"""Codes of the categories of the ground."""
GRAIN = 60.0
"""Metres over which the noise of satellites changes."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class View:
    """A rectangle of a world, as predictors look at it."""

    world: World
    shore: Shore
    pixels: Lattice
    relief: Relief

    def driver(self, name: str) -> Floats:
        """Return a driver ``(rows, columns)`` in standard deviations."""
        return self.world.driver(name, self.pixels, self.relief)

    def raw(self, name: str) -> Floats:
        """Return a driver ``(rows, columns)`` in its own unit."""
        return self.world.raw(name, self.pixels, self.relief)

    def noise(self, name: str) -> Floats:
        """Return the standard normal noise ``(rows, columns)`` of one predictor."""
        seed = self.world.settings.seed
        return Field.named(seed, f"noise_{name}", {GRAIN: 1.0}).at(self.pixels)


@dataclass(frozen=True)
class Predictor:
    """One raster."""

    unit: str
    values: Callable[[View], NDArray[Any]]
    """``(rows, columns)``."""
    land_only: bool = True
    """Whether it is missing in water."""


def write_further(
    world: World, shore: Shore, folder: Path, extent: Extent, threads: int
) -> tuple[Path, ...]:
    """Write `FURTHER` and the parent material as GeoTIFFs into a folder; return the paths."""
    layers = [
        Layer(folder / f"{name}.tif", (name,), "float32", float("nan"), (one.unit,))
        for name, one in FURTHER.items()
    ]
    layers.append(Layer(folder / "parent_material.tif", ("parent_material",), "uint8", 0))
    geobox = geobox_of(extent, world.settings.predictor_resolution)
    write_parts(layers, geobox, partial(_fill, world, shore), side=PART, threads=threads)
    return tuple(layer.path for layer in layers)


def parent_material(view: View) -> NDArray[np.uint8]:
    """Return codes of `PARENT_MATERIALS` ``(rows, columns)``, 0 in water."""
    soil, moisture = view.driver("soil"), view.driver("moisture")
    flat = view.relief.elevation < 300
    rules = [(moisture > 1.6) & (soil < 0.5), (moisture > 0.9) & flat, soil > 1.0, soil > 0.3]
    rules += [(soil > -0.4) & flat, soil > -0.9]
    codes = np.select(rules, [7, 6, 1, 2, 3, 4], default=5)
    return np.where(view.relief.land, codes, 0).astype(np.uint8)


def aspect(view: View) -> Floats:
    """Return the direction ``(rows, columns)`` that slopes face, degrees clockwise from north."""
    east, north = gradient_at(view.world, view.pixels, view.world.settings.predictor_resolution)
    # Downhill is against the gradient.
    return (np.degrees(np.arctan2(-east, -north)) % 360).astype(np.float32)


def _distance(view: View) -> Floats:
    return view.shore.at(view.pixels).reshape(view.relief.height.shape)


def _snow(view: View) -> Floats:
    return np.round(365 * expit((2.0 - view.raw("temperature")) / 2.2))


def _canopy_height(view: View) -> Floats:
    cut = view.world.disturbance(view.pixels).remaining(LAST_YEAR)
    return (
        32 * expit(-1.6 * view.driver("openness") + 0.5 * view.noise("canopy_height")) * (1 - cut)
    )


def _canopy_density(view: View) -> Floats:
    return 100 * expit(-1.4 * view.driver("openness") + 0.5 * view.noise("canopy_density"))


def _leaf_area(view: View) -> Floats:
    growth = 0.8 * view.driver("productivity") - 0.5 * view.driver("openness")
    return 6 * expit(growth + 0.4 * view.noise("leaf_area"))


def _wetness(view: View) -> Floats:
    return 100 * ndtr(0.9 * view.driver("moisture") - 0.8 + 0.35 * view.noise("wetness"))


def _season(view: View) -> Floats:
    return (115 + 20 * view.driver("phenology") + 6 * view.noise("season_start")) % 365


def _productivity(view: View) -> Floats:
    return 120 + 30 * view.driver("productivity") + 9 * view.noise("season_productivity")


FURTHER = {
    "annual_temperature": Predictor("degree_Celsius", lambda view: view.raw("temperature")),
    "annual_precipitation": Predictor("mm", lambda view: np.exp(view.raw("precipitation"))),
    "snow_cover_days": Predictor("day", _snow),
    "distance_to_coast": Predictor("m", _distance, land_only=False),
    "aspect": Predictor("degree", aspect, land_only=False),
    "wetness": Predictor("percent", _wetness),
    "canopy_height": Predictor("m", _canopy_height),
    "canopy_density": Predictor("percent", _canopy_density),
    "leaf_area_index": Predictor("1", _leaf_area),
    "season_start": Predictor("day", _season),
    "season_productivity": Predictor("1", _productivity),
}
"""Continuous predictors; aspect (360 degrees) and season_start (365 days) are cyclic."""


def _fill(world: World, shore: Shore, part: Part, writers: Writers) -> None:
    view = View(world, shore, part.pixels, world.terrain.at(part.pixels))
    for order, one in enumerate(FURTHER.values()):
        values = np.asarray(one.values(view), np.float32)
        if one.land_only:
            values = np.where(view.relief.land, values, np.float32(np.nan))
        writers.write(order, part, values[None])
    writers.write(len(FURTHER), part, parent_material(view)[None])
