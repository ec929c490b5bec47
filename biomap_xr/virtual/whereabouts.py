"""Where people look for plants: on land, rather near settlements and low down than elsewhere."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.virtual.drivers import World, chosen_of
from biomap_xr.virtual.settings import VirtualSettings

CLUSTERED = 0.6
"""Share of the surveys that lie around a few places; the others are spread over the land."""
IN_A_CLUSTER = 25
REVISITED = 0.01
"""Share of the surveys made again in the cell of another one."""
INNER = 0.45
"""Surveys lie at most this part of a cell from its centre: rounded degrees keep their cell."""
ATTEMPTS = 60
"""Rounds of proposals before a map counts as having no land."""
SURVEY_BIAS, RECORD_BIAS = 0.6, 1.2
"""How strongly surveys and records seek accessible places."""

Chance = Callable[[Points], NDArray[np.float64]]


def survey_points(world: World, random: np.random.Generator, count: int) -> Points:
    """Return where surveyors stood ``(count,)``: in clusters, spread, some twice in a cell.

    Raises:
        InputError: The map has next to no land.
    """
    settings = world.settings
    clustered = round(CLUSTERED * count)
    hubs = drawn_points(
        _anywhere(settings, random),
        lambda points: access(world, points, SURVEY_BIAS),
        world,
        random,
        max(1, clustered // IN_A_CLUSTER),
    )
    near = drawn_points(_around(hubs, settings, random), always, world, random, clustered)
    spread = drawn_points(_anywhere(settings, random), always, world, random, count - clustered)
    # Mixed, so that whoever takes the first of them takes both kinds.
    order = random.permutation(count)
    points = Points(
        np.concatenate([near.x, spread.x])[order], np.concatenate([near.y, spread.y])[order]
    )
    again = round(REVISITED * count)
    for axis in (points.x, points.y):
        axis[again : 2 * again] = axis[:again]
    centres = centres_of(settings.resolution, points)
    shift = random.uniform(
        -INNER * settings.resolution, INNER * settings.resolution, (2, len(points.x))
    )
    return Points(centres.x + shift[0], centres.y + shift[1])


def record_points(world: World, random: np.random.Generator) -> Points:
    """Return where records were made ``(record,)``, nearly all where people easily get to.

    Raises:
        InputError: The map has next to no land.
    """
    settings = world.settings
    return drawn_points(
        _anywhere(settings, random),
        lambda points: access(world, points, RECORD_BIAS),
        world,
        random,
        settings.records,
    )


def drawn_points(
    propose: Callable[[int], Points],
    chance: Chance,
    world: World,
    random: np.random.Generator,
    count: int,
) -> Points:
    """Draw points ``(count,)`` whose cells are on the map and on land, each kept with a chance.

    Raises:
        InputError: The map has next to no land.
    """
    x, y = np.empty(0), np.empty(0)
    for _ in range(ATTEMPTS):
        if len(x) >= count:
            break
        # About half of the proposals lie on land where people go.
        points = propose(2 * (count - len(x)) + 64)
        good = on_land(world, points) & (random.random(len(points.x)) < chance(points))
        x, y = np.concatenate([x, points.x[good]]), np.concatenate([y, points.y[good]])
    if len(x) < count:
        raise InputError(
            f"only {len(x)} of {count} places for observations were found on the land of seed "
            f"{world.settings.seed}; give a larger map, or less water than a share of "
            f"{world.settings.water:g}"
        )
    return Points(x[:count], y[:count])


def always(points: Points) -> NDArray[np.float64]:
    """Return a chance of one for every point ``(n,)``."""
    return np.ones(len(points.x))


def access(world: World, points: Points, strength: float) -> NDArray[np.float64]:
    """Return how likely people look at points ``(n,)``, 0 to 1: near settlements and low down."""
    high = world.terrain.at(points).elevation / 1_500
    near = world.field("people", points) - high - 0.5
    return np.asarray(1 / (1 + np.exp(-2 * strength * near)), float)


def on_land(world: World, points: Points) -> NDArray[np.bool_]:
    """Return whether the cells of points ``(n,)`` lie on the map, with their centres on land."""
    extent = world.settings.grid_settings().extent
    inside = (points.x >= extent.x_min) & (points.x < extent.x_max)
    inside &= (points.y > extent.y_min) & (points.y <= extent.y_max)
    centres = chosen_of(centres_of(world.settings.resolution, points), inside)
    inside[inside] = world.terrain.at(centres).land
    return inside


def centres_of(resolution: float, points: Points) -> Points:
    """Return the centres of the cells that points ``(n,)`` lie in.

    >>> centres_of(50.0, Points(np.array([4_000_010.0]), np.array([2_800_049.0])))
    Points(x=array([4000025.]), y=array([2800025.]))
    """
    x, y = ((np.floor(axis / resolution) + 0.5) * resolution for axis in (points.x, points.y))
    return Points(x, y)


def _anywhere(settings: VirtualSettings, random: np.random.Generator) -> Callable[[int], Points]:
    """Return what proposes points all over the map."""
    extent = settings.grid_settings().extent
    return lambda count: Points(
        random.uniform(extent.x_min, extent.x_max, count),
        random.uniform(extent.y_min, extent.y_max, count),
    )


def _around(
    hubs: Points, settings: VirtualSettings, random: np.random.Generator
) -> Callable[[int], Points]:
    """Return what proposes points within a kilometre or two of places ``(n,)``."""
    reach = min(1_500.0, settings.regional_scale / 2)

    def propose(count: int) -> Points:
        hub = random.integers(len(hubs.x), size=count)
        shift = random.normal(0, reach, (2, count))
        return Points(hubs.x[hub] + shift[0], hubs.y[hub] + shift[1])

    return propose
