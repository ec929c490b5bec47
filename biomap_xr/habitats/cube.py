"""The habitat cubes: by species assemblage, by environment, and from wall to wall."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from biomap_xr.cubes import Coordinate, Cube, Variable
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.habitats.eunis import NO_HABITAT, number_of

if TYPE_CHECKING:
    import xarray as xr

RANKS = 3
CLASS = "eunis"
"""Dim of the classes of a model; its index are their codes, such as R22."""
NO_PERCENT = 255
"""Where a percentage does not exist."""
BY_SPECIES = "by_species"
BY_ENVIRONMENT = "by_environment"
WALL_TO_WALL = "wall_to_wall"


def by_species_cube(
    grid: Grid, codes: Sequence[str], attributes: Mapping[str, Any], *, probabilities: bool
) -> Cube:
    """Declare ``habitats.zarr/by_species``.

    Args:
        grid: Cells and tiles of the map.
        codes: Level-3 codes of the model, in its order.
        attributes: Of the whole group; ``levels`` among them says what levels 1 and 2 are.
        probabilities: Whether the probability of each habitat is kept, too.
    """
    wanted = (_probability(),) if probabilities else ()
    variables = (*_ranked(), *_level(2), *_level(1), *wanted)
    return Cube(BY_SPECIES, grid, variables, _coordinates(codes), attributes)


def by_environment_cube(
    grid: Grid,
    formation: str,
    codes: Sequence[str],
    attributes: Mapping[str, Any],
    measures: Mapping[str, Mapping[str, str]] | None = None,
) -> Cube:
    """Declare ``habitats.zarr/by_environment/<formation>``.

    Args:
        grid: Cells and tiles of the map.
        formation: Level-1 code.
        codes: Level-3 codes of the model, in its order.
        attributes: Of the whole group.
        measures: Attributes of the measures of uncertainty, where more is to be said of them.
    """
    said = measures or {}
    spreads = {
        "committee": "share of voters (model x fold) whose most likely class is the ensemble's",
        "model_spread": "deviation between algorithms of the probability of the most likely class",
        "sampling_spread": "deviation between folds of the probability of the most likely class",
    }
    variables = (
        _probability(),
        *_ranked(),
        *(_percent(name, text, said.get(name, {})) for name, text in spreads.items()),
    )
    group = f"{BY_ENVIRONMENT}/{formation}"
    return Cube(group, grid, variables, _coordinates(codes), attributes)


def wall_to_wall_cube(
    grid: Grid, codes: Sequence[str], rules: Mapping[str, int], attributes: Mapping[str, Any]
) -> Cube:
    """Declare ``habitats.zarr/wall_to_wall``.

    Args:
        grid: Cells and tiles of the map.
        codes: Level-3 codes of all formations.
        rules: Number of each rule that can have decided a cell.
        attributes: Of the whole group.
    """
    described = {
        "long_name": "rule that decided the cell",
        "flag_values": list(rules.values()),
        "flag_meanings": " ".join(rules),
    }
    variables = (*_ranked(), Variable("rule", ("y", "x"), "uint8", 255, described))
    return Cube(WALL_TO_WALL, grid, variables, _coordinates(codes), attributes)


def codes_of(cube: "xr.Dataset") -> tuple[str, ...]:
    """Return the codes of a cube's classes ``(eunis,)``.

    Raises:
        InputError: It names none.
    """
    if CLASS not in cube.coords:
        raise InputError(
            f"the cube has the coordinates {list(cube.coords)}; expected {CLASS} with the "
            "code of each class: make the maps again"
        )
    return tuple(str(code) for code in cube[CLASS].to_numpy())


def _ranked() -> tuple[Variable, Variable]:
    habitat = Variable(
        "habitat",
        ("rank", "y", "x"),
        "uint16",
        NO_HABITAT,
        {"long_name": "EUNIS habitat, number as in the legend", "units": "1"},
        chunks={"rank": 1},
    )
    confidence = Variable(
        "confidence",
        ("rank", "y", "x"),
        "uint8",
        NO_PERCENT,
        {"long_name": "probability of the habitat", "units": "percent", "valid_range": [0, 100]},
        chunks={"rank": 1},
    )
    return habitat, confidence


def _level(level: int) -> tuple[Variable, Variable]:
    attributes = {
        "long_name": f"EUNIS habitat of level {level}, number as in the legend",
        "comment": "as the group's attribute levels says: inferred, the class of the most probable "
        "habitat; summed, the most probable class once level-3 probabilities are summed",
        "units": "1",
    }
    name = f"level{level}"
    return (
        Variable(name, ("y", "x"), "uint16", NO_HABITAT, attributes),
        _percent(f"{name}_confidence", f"summed probability of the habitats of {name}", {}),
    )


def _probability() -> Variable:
    attributes = {
        "long_name": "probability of the habitat",
        "units": "percent",
        "valid_range": [0, 100],
    }
    return Variable(
        "probability",
        (CLASS, "y", "x"),
        "uint8",
        NO_PERCENT,
        attributes,
        chunks={CLASS: 1},
    )


def _percent(name: str, text: str, more: Mapping[str, str]) -> Variable:
    attributes = {"long_name": text, "units": "percent", "valid_range": [0, 100], **more}
    return Variable(name, ("y", "x"), "uint8", NO_PERCENT, attributes)


def _coordinates(codes: Sequence[str]) -> dict[str, Coordinate]:
    numbers = np.array([number_of(code) for code in codes], np.uint16)
    return {
        "rank": Coordinate(("rank",), np.arange(1, RANKS + 1, dtype=np.uint8), {}),
        CLASS: Coordinate((CLASS,), np.array(codes), {"long_name": "EUNIS code"}),
        "habitat_number": Coordinate(
            (CLASS,), numbers, {"long_name": "number of the code on the map"}
        ),
    }
