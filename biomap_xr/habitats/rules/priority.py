"""Step 4, from wall to wall: land cover says which formation a cell belongs to.

Paper 2, "Step 4: Wall-to-wall mapping". Rank 1 is the likeliest class of the first formation, in
the crosswalk's order for the cell's land cover, that has a class left. Ranks 2 and 3 are the next
by confidence among the classes of all formations. Land cover without vegetation is itself, and
classes that stand for one land cover enter here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.cube import NO_PERCENT, RANKS
from biomap_xr.habitats.eunis import FORMATIONS, NO_HABITAT
from biomap_xr.habitats.legend import SURFACES
from biomap_xr.habitats.rules.landcover import Ranked
from biomap_xr.habitats.rules.lookup import places_of

RULES = {
    "nodata": 0,
    **{surface.lower(): 1 + index for index, surface in enumerate(SURFACES)},
    "one_to_one": 6,
    "nothing_left": 7,
    **{f"priority_{1 + index}": 11 + index for index in range(len(FORMATIONS))},
}
"""Number of each rule that can decide a cell: no land cover, a surface, a class that land cover
alone maps, no class left in any formation, or the n-th formation of the priority order."""
VEGETATED = 255
"""In place of a rule where the land cover has vegetation."""
NO_FORMATION = -1


@dataclass(frozen=True, eq=False)
class PriorityTable:
    """What step 4 does on each land cover; formations count as in `FORMATIONS`."""

    covers: NDArray[np.int64]
    """``(cover,)`` codes on the map."""
    order: NDArray[np.int8]
    """``(cover, place)`` formations by priority, -1 behind the last one."""
    direct: NDArray[np.uint16]
    """``(cover, formation)`` number of the class that land cover alone maps, 65535 where none."""
    surface: NDArray[np.uint16]
    """``(cover,)`` number of the surface, 65535 where vegetation grows or nothing is known."""
    rule: NDArray[np.uint8]
    """``(cover,)`` that decides without any class, 255 where vegetation grows."""
    missing: frozenset[int]
    """Codes of cells without land cover."""


@dataclass(frozen=True, eq=False)
class WallToWall:
    """The final map."""

    habitat: NDArray[np.uint16]
    """``(rank, ...)`` numbers as in the legend, 65535 where there is none."""
    confidence: NDArray[np.uint8]
    """``(rank, ...)`` percent within the class's formation; 255 where land cover alone decided."""
    rule: NDArray[np.uint8]
    """(...) one of `RULES`."""


def wall_to_wall(
    ranked: Mapping[str, Ranked], land_cover: NDArray[Any], table: PriorityTable
) -> WallToWall:
    """Decide every cell by the priority of its land cover.

    Ranks 2 and 3 follow by confidence in whole percent; of equal ones the earlier formation is
    first. They are empty where rank 1 is, and on surfaces.

    Args:
        ranked: Of step 3, ``(rank, ...)`` by formation.
        land_cover: (...) codes at the same cells.
        table: Of the crosswalk and the models.

    Raises:
        InputError: A formation is unknown, shapes differ, or a code of land cover is unknown.

    >>> sorted(RULES, key=RULES.get)[:3]
    ['nodata', 'urban', 'sea']
    """
    place = places_of("land_cover", land_cover, table.covers, table.missing).ravel()
    habitats, confidences = _stack(ranked, land_cover.shape)
    habitat = np.full((RANKS, place.size), NO_HABITAT, np.uint16)
    confidence = np.full((RANKS, place.size), NO_PERCENT, np.uint8)
    rule = np.empty(place.size, np.uint8)
    lines = (
        np.pad(table.order, ((0, 1), (0, 0)), constant_values=NO_FORMATION),
        np.pad(table.direct, ((0, 1), (0, 0)), constant_values=NO_HABITAT),
        np.append(table.surface, np.uint16(NO_HABITAT)),
        np.append(table.rule, np.uint8(RULES["nodata"])),
    )
    _decide(habitats, confidences, place, lines, habitat, confidence, rule)
    shape = (RANKS, *land_cover.shape)
    return WallToWall(
        habitat.reshape(shape), confidence.reshape(shape), rule.reshape(land_cover.shape)
    )


def _stack(
    ranked: Mapping[str, Ranked], shape: tuple[int, ...]
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Return habitats and confidences ``(formation, rank, n)`` of all formations, some empty."""
    cells = int(np.prod(shape))
    # A formation without a map is one in which nothing is left anywhere.
    habitat = np.full((len(FORMATIONS), RANKS, cells), NO_HABITAT, np.uint16)
    confidence = np.full((len(FORMATIONS), RANKS, cells), NO_PERCENT, np.uint8)
    for formation, maps in ranked.items():
        if formation not in FORMATIONS:
            raise InputError(
                f"formation {formation!r} is unknown; expected some of {', '.join(FORMATIONS)}"
            )
        if maps.habitat.shape != (RANKS, *shape):
            raise InputError(
                f"habitats of {formation} have the shape {maps.habitat.shape}, land cover has "
                f"{shape}; expected {(RANKS, *shape)}: bring the land cover onto the map's grid"
            )
        place = list(FORMATIONS).index(formation)
        habitat[place] = maps.habitat.reshape(RANKS, cells)
        confidence[place] = maps.confidence.reshape(RANKS, cells)
    return habitat, confidence


Lines = tuple[NDArray[np.int8], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]


ONE_TO_ONE, NOTHING_LEFT, FIRST = RULES["one_to_one"], RULES["nothing_left"], RULES["priority_1"]


@numba.njit(cache=True, nogil=True)
def _decide(
    habitats: NDArray[np.uint16],
    confidences: NDArray[np.uint8],
    place: NDArray[np.int32],
    lines: Lines,
    habitat: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
    rule: NDArray[np.uint8],
) -> None:
    """Fill ranks ``(rank, n)`` and rules ``(n,)`` from habitats ``(formation, rank, n)``."""
    order, direct, surface, decided = lines
    for cell in range(place.size):
        cover = place[cell]
        if decided[cover] != VEGETATED:
            habitat[0, cell], rule[cell] = surface[cover], decided[cover]
            continue
        number, sure, rule[cell] = _first(habitats, confidences, order[cover], direct[cover], cell)
        if number != NO_HABITAT:
            habitat[0, cell], confidence[0, cell] = number, sure
            _follow(habitats, confidences, cell, habitat, confidence)


@numba.njit(cache=True, nogil=True)
def _first(
    habitats: NDArray[np.uint16],
    confidences: NDArray[np.uint8],
    order: NDArray[np.int8],
    direct: NDArray[np.uint16],
    cell: int,
) -> tuple[int, int, int]:
    """Return a cell's first habitat, its confidence and the rule, for one land cover's line."""
    for step in range(order.size):
        formation = order[step]
        if formation == NO_FORMATION:
            break
        if habitats[formation, 0, cell] != NO_HABITAT:
            number = int(habitats[formation, 0, cell])
            return number, int(confidences[formation, 0, cell]), FIRST + step
        if direct[formation] != NO_HABITAT:
            # No model has spoken, so there is no confidence.
            return int(direct[formation]), NO_PERCENT, ONE_TO_ONE
    return NO_HABITAT, NO_PERCENT, NOTHING_LEFT


@numba.njit(cache=True, nogil=True)
def _follow(
    habitats: NDArray[np.uint16],
    confidences: NDArray[np.uint8],
    cell: int,
    habitat: NDArray[np.uint16],
    confidence: NDArray[np.uint8],
) -> None:
    """Fill ranks 2 and 3 of a cell with the most confident classes but that of rank 1."""
    second, third = -1, -1
    for formation in range(habitats.shape[0]):
        for rank in range(habitats.shape[1]):
            number = habitats[formation, rank, cell]
            # Behind an empty rank there are only empty ones.
            if number == NO_HABITAT:
                break
            if number == habitat[0, cell]:
                continue
            sure = int(confidences[formation, rank, cell])
            if sure > second:
                third, second = second, sure
                habitat[2, cell], habitat[1, cell] = habitat[1, cell], number
            elif sure > third:
                third = sure
                habitat[2, cell] = number
    if second >= 0:
        confidence[1, cell] = second
    if third >= 0:
        confidence[2, cell] = third
