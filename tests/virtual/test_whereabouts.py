import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.whereabouts import (
    access,
    always,
    centres_of,
    drawn_points,
    on_land,
    record_points,
    survey_points,
)


def test_surveys_lie_on_land_well_inside_their_cells(wide: World) -> None:
    points = survey_points(wide, np.random.default_rng(1), 3_000)
    assert len(points.x) == 3_000
    assert on_land(wide, points).all()
    centres = centres_of(50.0, points)
    assert np.abs(points.x - centres.x).max() <= 22.5
    cells = np.stack([centres.x, centres.y])
    assert len(np.unique(cells, axis=1).T) <= 2_970


def test_surveys_are_clustered_but_cover_the_map(wide: World) -> None:
    points = survey_points(wide, np.random.default_rng(1), 3_000)
    blocks = np.histogram2d(points.x, points.y, bins=5)[0]
    assert (blocks > 0).mean() > 0.9
    # Independent places would have a variance as large as their mean.
    assert blocks.var() > 5 * blocks.mean()


def test_records_seek_accessible_places(wide: World, on_land: Points) -> None:
    points = record_points(wide, np.random.default_rng(1))
    assert access(wide, points, 1.0).mean() > 1.3 * access(wide, on_land, 1.0).mean()


def test_off_the_map_is_not_on_land(wide: World) -> None:
    outside = Points(np.array([3_999_999.0, 4_050_000.0]), np.array([2_810_000.0, 2_810_000.0]))
    assert not on_land(wide, outside).any()


def test_a_map_without_land_is_an_error() -> None:
    world = World.of(VirtualSettings(tile=1_000))

    def in_the_sea(count: int) -> Points:
        return Points(np.zeros(count), np.zeros(count))

    with pytest.raises(InputError, match=r"only 0 of 5 places .* 0\.12"):
        drawn_points(in_the_sea, always, world, np.random.default_rng(0), 5)
