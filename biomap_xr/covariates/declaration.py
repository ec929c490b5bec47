"""The groups of the covariates cube before any value is known."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from biomap_xr.covariates.files import MONTHS, QUARTERS
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.covariates.settings import (
    CLIMATE_FILL,
    LANDSAT_FILL,
    ClimateSettings,
    CovariateSettings,
    LandsatSettings,
    MaskSettings,
    Sentinel2Settings,
    year_range,
)
from biomap_xr.covariates.units import CLIMATE_UNITS
from biomap_xr.cubes import Coordinate, Cube, Variable
from biomap_xr.grid import Grid

REFLECTANCE_BANDS = ("red", "green", "blue", "nir")
LANDSAT_BANDS = ("red", "green", "blue", "nir", "swir1", "swir2")

MASKS = {"land": "uint8", "ecoregion": "uint16", "coast": "uint8", "land_cover": "uint8"}
"""Type of each mask; the largest value of a code's type means missing."""

# A window around a cell decodes only the chunks that it meets; a whole tile decodes all of them.
IMAGE_CHUNK = 250
CELL_CHUNK = 50


def sentinel2_cube(settings: Sentinel2Settings, grid: Grid) -> Cube:
    """Declare 10 m reflectance and the number of scenes behind it."""
    chunks = {"y": IMAGE_CHUNK, "x": IMAGE_CHUNK}
    text = f"{settings.composite} over {settings.period.start} to {settings.period.end}"
    reflectance = {
        "long_name": f"Sentinel-2 surface reflectance x 10000, {text}",
        "units": "1e-4",
        "valid_min": 1,
    }
    return Cube(
        group="sentinel2",
        grid=grid.with_resolution(settings.resolution),
        variables=(
            Variable("reflectance", ("band", "y", "x"), "uint16", 0, reflectance, chunks=chunks),
            Variable(
                "scenes",
                ("y", "x"),
                "uint8",
                0,
                {"long_name": "number of valid scenes", "units": "1"},
                chunks=chunks,
            ),
        ),
        coordinates={"band": names("band", "spectral band", REFLECTANCE_BANDS)},
        attributes={"title": "Sentinel-2 composite"},
    )


def landsat_cube(settings: LandsatSettings, grid: Grid) -> Cube:
    """Declare quarterly reflectance over years at the map's cells."""
    attributes = {"long_name": "Landsat reflectance on the byte scale 0 to 254", "units": "1"}
    dims = ("band", "quarter", "year", "y", "x")
    # All times and bands of a cell lie in one chunk: a site is one read.
    chunks = {"y": CELL_CHUNK, "x": CELL_CHUNK}
    return Cube(
        group="landsat",
        grid=grid,
        variables=(
            Variable("reflectance", dims, "uint8", LANDSAT_FILL, attributes, chunks=chunks),
        ),
        coordinates={
            "band": names("band", "spectral band", LANDSAT_BANDS),
            "quarter": numbers("quarter", QUARTERS),
            "year": numbers("year", year_range(settings.years)),
        },
        attributes={"title": "Landsat quarterly composites"},
    )


def climate_cube(settings: ClimateSettings, grid: Grid) -> Cube:
    """Declare monthly climate over years."""
    units = "; ".join(f"{name}: {unit}" for name, unit in CLIMATE_UNITS.items())
    attributes = {"long_name": "monthly climate", "units": "1", "units_by_variable": units}
    dims = ("variable", "year", "month", "y", "x")
    return Cube(
        group="climate",
        grid=grid.with_resolution(settings.resolution),
        variables=(Variable("climate", dims, "uint16", CLIMATE_FILL, attributes),),
        coordinates={
            "variable": names("variable", "climate variable", tuple(CLIMATE_UNITS)),
            "year": numbers("year", year_range(settings.years)),
            "month": numbers("month", MONTHS),
        },
        attributes={"title": "Monthly climate"},
    )


def predictors_cube(settings: PredictorsSettings, grid: Grid, kept: tuple[str, ...]) -> Cube:
    """Declare the static variables that were kept."""
    table = {name: variable for variable in settings.variables for name in variable.variables}
    return Cube(
        group="predictors",
        grid=grid.with_resolution(settings.resolution),
        variables=(
            Variable(
                "predictors",
                ("variable", "y", "x"),
                "float32",
                float("nan"),
                {"long_name": "static predictors", "units": "1"},
                # All predictors of a place are read together.
                shards={"variable": len(kept)},
                chunks={"variable": len(kept), "y": CELL_CHUNK, "x": CELL_CHUNK},
            ),
        ),
        coordinates={
            "variable": names("variable", "predictor", kept),
            "unit": names("variable", "unit of the predictor", [table[name].unit for name in kept]),
            "kind": names("variable", "how it was harmonised", [table[name].kind for name in kept]),
        },
        attributes={"title": "Static predictors"},
    )


def masks_cube(settings: MaskSettings, grid: Grid) -> Cube:
    """Declare land, and the other masks that the settings name."""
    variables = [Variable("land", ("y", "x"), "uint8", 0, LAND_ATTRIBUTES)]
    for name, dtype in MASKS.items():
        # Land is always there, since every later stage asks for it.
        if name != "land" and getattr(settings, name) is not None:
            fill = int(np.iinfo(dtype).max)
            variables.append(
                Variable(name, ("y", "x"), dtype, fill, {"long_name": name.replace("_", " ")})
            )
    return Cube("masks", grid, tuple(variables), attributes={"title": "Masks"})


LAND_ATTRIBUTES = {"long_name": "land", "flag_values": [0, 1], "flag_meanings": "water land"}


def cubes_of(
    settings: CovariateSettings, grid: Grid, kept: tuple[str, ...] | None = None
) -> Mapping[str, Cube]:
    """Return the declaration of every group that the settings give, by name.

    Args:
        settings: The sources.
        grid: The map's grid.
        kept: Names of the predictors in the cube; all of them by default.

    Raises:
        InputError: A resolution does not divide the tile.
    """
    cubes = {"masks": masks_cube(settings.masks, grid)}
    if settings.sentinel2:
        cubes["sentinel2"] = sentinel2_cube(settings.sentinel2, grid)
    if settings.landsat:
        cubes["landsat"] = landsat_cube(settings.landsat, grid)
    if settings.climate:
        cubes["climate"] = climate_cube(settings.climate, grid)
    if settings.predictors:
        names_kept = settings.predictors.names if kept is None else kept
        cubes["predictors"] = predictors_cube(settings.predictors, grid, names_kept)
    return cubes


def names(dim: str, text: str, values: Sequence[str]) -> Coordinate:
    """Return a coordinate of names along ``dim``."""
    return Coordinate((dim,), np.array(values), {"long_name": text})


def numbers(dim: str, values: Iterable[int]) -> Coordinate:
    """Return a coordinate of whole numbers along the dim of the same name."""
    return Coordinate((dim,), np.array(list(values), np.int16), {"long_name": dim, "units": "1"})
