"""Units that a source may state, and the one linear step from each to the cube's."""

from dataclasses import dataclass

from biomap_xr.errors import RecipeError


@dataclass(frozen=True)
class Unit:
    """A unit as a line over its quantity's own: quantity = value / steps + offset."""

    quantity: str
    steps: float
    """How many of it make one of the quantity's own."""
    offset: float = 0.0


UNITS = {
    # Amount of water: 1 kg m-2 is 1 mm.
    "0.01 kg m-2": Unit("precipitation [kg m-2]", 100.0),
    "0.1 kg m-2": Unit("precipitation [kg m-2]", 10.0),
    "kg m-2": Unit("precipitation [kg m-2]", 1.0),
    "mm": Unit("precipitation [kg m-2]", 1.0),
    "0.1 K": Unit("temperature [K]", 10.0),
    "K": Unit("temperature [K]", 1.0),
    "0.1 degC": Unit("temperature [K]", 10.0, 273.15),
    # Exactly 273.15 by definition.
    "degC": Unit("temperature [K]", 1.0, 273.15),
}

CLIMATE_UNITS = {"pr": "0.01 kg m-2", "tas": "0.1 K", "tasmax": "0.1 K", "tasmin": "0.1 K"}
"""Unit of each climate variable in the cube: those of the published cubes (GeoPlant)."""

CLIMATE_RANGES = {
    "pr": (0.0, 65_534.0),
    "tas": (1_800.0, 3_400.0),
    "tasmax": (1_800.0, 3_400.0),
    "tasmin": (1_800.0, 3_400.0),
}
"""What can be true on Earth, in the cube's units; temperatures of 180 to 340 K tell a wrong unit at
once."""


@dataclass(frozen=True)
class Conversion:
    """A linear step from one unit to another: value x scale + offset."""

    scale: float
    offset: float


def conversion(given: str, wanted: str) -> Conversion:
    """Return the step from a unit to another of the same quantity.

    Raises:
        RecipeError: A unit is not known, or the two are not of one quantity.

    >>> conversion("degC", "0.1 K")
    Conversion(scale=10.0, offset=2731.5)
    """
    for name in (given, wanted):
        if name not in UNITS:
            raise RecipeError(f"unit {name!r} is not known; expected one of {sorted(UNITS)}")
    source, target = UNITS[given], UNITS[wanted]
    if source.quantity != target.quantity:
        raise RecipeError(
            f"unit {given!r} is of {source.quantity}, expected one of {target.quantity} such as "
            f"{wanted!r}"
        )
    return Conversion(target.steps / source.steps, (source.offset - target.offset) * target.steps)
