"""What species respond to: eight drivers, each standard over the land and visible in one modality.

| modality | drivers | where they can be read |
|---|---|---|
| climate | temperature, precipitation | monthly series of the climate cube |
| sentinel2 | openness, moisture | reflectance around the cell |
| landsat | phenology, productivity, disturbance | the 21 years of quarters at the cell |
| predictors | soil | pH of the soil |
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from biomap_xr.grid import Points
from biomap_xr.virtual.fields import Field, Places, broadcast_y
from biomap_xr.virtual.noise import hashes_of, salt_of, uniforms
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.terrain import Relief, Terrain

DRIVERS = {
    "temperature": "climate",
    "precipitation": "climate",
    "openness": "sentinel2",
    "moisture": "sentinel2",
    "phenology": "landsat",
    "productivity": "landsat",
    "disturbance": "landsat",
    "soil": "predictors",
}
"""Drivers in the order of every array that holds them, with the modality that sees each."""

SAMPLE_SIDE = 72
"""The world is measured at one random place in each of 72 x 72 equal rectangles."""
FIRST_YEAR, LAST_YEAR = 2000, 2020
DISTURBED = 1.35
"""Standard deviations above which a stand was cut, burnt or thrown: about 9% of the land."""
RECOVERY = 10.0
"""Years after which a disturbance has lost 63% of its effect."""


@dataclass(frozen=True)
class Disturbance:
    """What befell the vegetation at places, each array in the shape of the places."""

    severity: NDArray[np.float32]
    """0 (never) to 1."""
    year: NDArray[np.float32]
    """2000 to 2020, a whole number."""

    def remaining(self, year: float) -> NDArray[np.float32]:
        """Return what is left of it in a year, 0 to 1: nothing before, then less every year."""
        age = year - self.year
        left = self.severity * np.exp(-age / RECOVERY)
        return np.where(age >= 0, left, 0).astype(np.float32)


@dataclass(frozen=True)
class World:
    """A simulated Europe as functions of place; nothing of it is stored."""

    settings: VirtualSettings
    terrain: Terrain
    fields: dict[str, Field]
    mean: dict[str, float]
    """Mean of each raw driver over the land."""
    spread: dict[str, float]
    """Standard deviation of each raw driver over the land."""

    @classmethod
    def of(cls, settings: VirtualSettings) -> Self:
        """Make the world of some settings and measure its drivers over the land."""
        everywhere = sample_of(settings)
        terrain = Terrain.of(settings, everywhere)
        regional = settings.regional_scale
        # Tiny maps shrink all scales, so that they still hold several landscapes.
        landscape, stand = min(1_400.0, regional), min(700.0, regional / 1.5)
        shares = {
            "warmth": {0.9 * regional: 1.0},
            "rain": {0.8 * regional: 1.0},
            "openness": {landscape: 0.85, 0.3 * landscape: 0.15},
            "moisture": {0.9 * landscape: 0.85, 0.3 * landscape: 0.15},
            "phenology": {2 * stand: 0.5, 0.6 * stand: 0.5},
            "productivity": {2.2 * stand: 0.5, 0.7 * stand: 0.5},
            "disturbance": {stand: 1.0},
            "disturbance_year": {2 * stand: 1.0},
            "soil": {2 * landscape: 1.0},
            "people": {0.5 * regional: 0.7, 0.1 * regional: 0.3},
            "canopy": {40.0: 1.0},
            "factor_near": {min(250.0, regional / 3): 1.0},
            "factor_far": {min(1_000.0, regional): 1.0},
        }
        raw = cls(
            settings,
            terrain,
            {name: Field.named(settings.seed, name, share) for name, share in shares.items()},
            {},
            {},
        )
        land = chosen_of(everywhere, terrain.at(everywhere).land)
        values = {name: raw.raw(name, land) for name in DRIVERS}
        mean = {name: float(value.mean()) for name, value in values.items()}
        # A driver that is the same everywhere on a very small map stays at its mean.
        spread = {name: float(max(value.std(), 1e-6)) for name, value in values.items()}
        return cls(settings, terrain, raw.fields, mean, spread)

    def field(self, name: str, places: Places) -> NDArray[np.float32]:
        """Return one of the world's standard normal fields at places, in their shape."""
        return self.fields[name].at(places)

    def raw(self, name: str, places: Places, relief: Relief | None = None) -> NDArray[np.float32]:
        """Return a driver in its own unit at places, in their shape.

        Temperature is the annual mean in degrees Celsius, precipitation the logarithm of
        millimetres a year; the others have no unit.
        """
        if name == "temperature":
            return self._temperature(places, relief or self.terrain.at(places))
        if name == "precipitation":
            return self._precipitation(places, relief or self.terrain.at(places))
        if name == "disturbance":
            return self.disturbance(places).remaining(LAST_YEAR)
        if name == "productivity":
            # Wet places grow more, so that the two modalities share a little.
            own, moist = self.field("productivity", places), self.field("moisture", places)
            return (0.97 * own + 0.25 * moist).astype(np.float32)
        return self.field(name, places)

    def driver(
        self, name: str, places: Places, relief: Relief | None = None
    ) -> NDArray[np.float32]:
        """Return a driver at places, in their shape: standard over the land, between -3 and 3."""
        return self.standard(name, self.raw(name, places, relief))

    def standard(self, name: str, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn raw values of a driver (any shape) into standard ones."""
        return np.clip((raw - self.mean[name]) / self.spread[name], -3, 3).astype(np.float32)

    def drivers(self, places: Places) -> NDArray[np.float32]:
        """Return all `DRIVERS` at places: ``(driver, rows, columns)`` or ``(driver, n)``."""
        relief = self.terrain.at(places)
        return np.stack([self.driver(name, places, relief) for name in DRIVERS])

    def disturbance(self, places: Places) -> Disturbance:
        """Return what befell the vegetation at places."""
        # Stands of one neighbourhood are felled in one year: the year is a field, too.
        severity = np.clip((self.field("disturbance", places) - DISTURBED) / 0.8, 0, 1)
        span = LAST_YEAR - FIRST_YEAR + 1
        year = FIRST_YEAR + np.floor(span * ndtr(self.field("disturbance_year", places)))
        return Disturbance(severity.astype(np.float32), year.astype(np.float32))

    def _temperature(self, places: Places, relief: Relief) -> NDArray[np.float32]:
        # 0.7 K less every 100 km northwards, 6 K less every kilometre upwards.
        north = broadcast_y(places) - 2_800_000.0
        own = 2.4 * self.field("warmth", places)
        return (12.0 - 7e-6 * north - 6e-3 * relief.broad + own).astype(np.float32)

    def _precipitation(self, places: Places, relief: Relief) -> NDArray[np.float32]:
        return (6.65 + 2e-4 * relief.broad + 0.3 * self.field("rain", places)).astype(np.float32)


def sample_of(settings: VirtualSettings) -> Points:
    """Return random places ``(n,)`` in metres, one in each of `SAMPLE_SIDE` squared rectangles.

    The places do not depend on the tiles, so that worlds of one extent are the same however they
    are cut.
    """
    extent = settings.grid_settings().extent
    step = (np.arange(SAMPLE_SIDE)[:, None], np.arange(SAMPLE_SIDE)[None, :])
    x, y = (
        (uniforms(hashes_of(salt_of(settings.seed, "sample", axis), *step)) + index).ravel()
        for axis, index in (("x", step[1]), ("y", step[0]))
    )
    width, height = extent.x_max - extent.x_min, extent.y_max - extent.y_min
    return Points(extent.x_min + x * width / SAMPLE_SIDE, extent.y_min + y * height / SAMPLE_SIDE)


def chosen_of(places: Points, chosen: NDArray[np.bool_]) -> Points:
    """Return the chosen places ``(n,)``."""
    return Points(places.x[chosen], places.y[chosen])
