from dataclasses import replace

import numpy as np
import pytest

from biomap_xr.grid import Points
from biomap_xr.virtual import VirtualSettings
from biomap_xr.virtual.drivers import World, sample_of
from biomap_xr.virtual.fields import Lattice
from biomap_xr.virtual.formations import NO_COAST
from biomap_xr.virtual.ground import ecoregions_at
from biomap_xr.virtual.shore import DEPTH, FAR, Shore, coasts_at, coasts_of, flat, regions_at


@pytest.fixture(scope="module")
def shore(wide: World) -> Shore:
    return Shore.of(wide)


def test_the_distance_is_that_to_the_nearest_water_of_the_sea(wide: World, shore: Shore) -> None:
    """Against a search of all sea cells around each of some places."""
    x = np.arange(3_994_000, 4_056_000, 100) + 50.0
    y = np.arange(2_794_000, 2_856_000, 100) + 50.0
    row, column = np.nonzero(wide.terrain.at(Lattice(x, y)).sea)
    places = sample_of(wide.settings)
    some = Points(places.x[::401], places.y[::401])
    nearest = [
        np.hypot(x[column] - east, y[row] - north).min()
        for east, north in zip(some.x, some.y, strict=True)
    ]
    dry = ~wide.terrain.at(some).sea
    # A hundred metres: the lattices' steps.
    np.testing.assert_allclose(shore.at(some)[dry], np.array(nearest)[dry], atol=110)


def test_it_is_zero_in_the_sea(wide: World, shore: Shore) -> None:
    places = sample_of(wide.settings)
    deep = wide.terrain.at(places).height < -0.2
    assert deep.sum() > 50
    assert not shore.at(places)[deep].any()


def test_a_world_without_sea_is_far_from_it() -> None:
    settings = VirtualSettings(seed=3, tile=1_000, water=0.0)
    world = World.of(settings)
    # The least share of water leaves some beyond the map; here there is none at all.
    world = replace(world, terrain=replace(world.terrain, sea_level=-np.inf))
    shore = Shore.of(world)
    assert not world.terrain.at(shore.nodes).sea.any()
    assert shore.distance.min() == FAR


def test_a_raster_and_points_agree(wide: World, shore: Shore) -> None:
    pixels = Lattice(4_010_025.0 + 50 * np.arange(30), 2_820_025.0 - 50 * np.arange(20))
    points = flat(pixels)
    np.testing.assert_array_equal(shore.at(pixels), shore.at(points))
    np.testing.assert_array_equal(regions_at(wide, pixels), regions_at(wide, points))
    np.testing.assert_array_equal(coasts_at(wide, shore, pixels), coasts_at(wide, shore, points))


def test_coasts_end_after_five_kilometres(wide: World, shore: Shore) -> None:
    places = sample_of(wide.settings)
    codes, distance = coasts_at(wide, shore, places), shore.at(places)
    np.testing.assert_array_equal(codes == NO_COAST, distance > DEPTH)
    np.testing.assert_array_equal(
        codes[distance <= DEPTH], coasts_of(regions_at(wide, places))[distance <= DEPTH]
    )


def test_blocks_have_the_ecoregion_of_their_middle(wide: World) -> None:
    middle = Points(np.array([4_010_250.0]), np.array([2_830_250.0]))
    corner = Points(np.array([4_010_001.0]), np.array([2_830_499.0]))
    np.testing.assert_array_equal(regions_at(wide, corner), ecoregions_at(wide, middle))
