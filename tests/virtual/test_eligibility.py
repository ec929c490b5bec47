import numpy as np
import pytest

from biomap_xr.grid import Points
from biomap_xr.virtual.drivers import World, sample_of
from biomap_xr.virtual.eligibility import LOW, MADE, REACH, STRIP, allowed_at
from biomap_xr.virtual.formations import EVERY_HABITAT
from biomap_xr.virtual.landcover import land_cover_at
from biomap_xr.virtual.shore import Shore, coasts_of, regions_at


@pytest.fixture(scope="module")
def shore(wide: World) -> Shore:
    return Shore.of(wide)


@pytest.fixture(scope="module")
def places(wide: World) -> Points:
    return sample_of(wide.settings)


@pytest.fixture(scope="module")
def allowed(wide: World, shore: Shore, places: Points) -> dict[str, np.ndarray]:
    table = allowed_at(wide, shore, EVERY_HABITAT, places)
    return {one.code: row for one, row in zip(EVERY_HABITAT, table, strict=True)}


def anywhere(allowed: dict[str, np.ndarray], formation: str) -> np.ndarray:
    return np.any([row for code, row in allowed.items() if code.startswith(formation)], axis=0)


def test_every_place_can_be_something(allowed: dict[str, np.ndarray]) -> None:
    assert np.any(list(allowed.values()), axis=0).all()


def test_salt_marshes_are_low_and_by_the_sea(
    wide: World, shore: Shore, places: Points, allowed: dict[str, np.ndarray]
) -> None:
    marsh = anywhere(allowed, "MA2")
    elevation = wide.terrain.at(places).elevation
    np.testing.assert_array_equal(marsh, (shore.at(places) <= STRIP) & (elevation < LOW))


def test_coastal_habitats_end_within_five_kilometres(
    shore: Shore, places: Points, allowed: dict[str, np.ndarray]
) -> None:
    coastal = anywhere(allowed, "N")
    assert coastal.sum() > 100
    assert shore.at(places)[coastal].max() <= REACH < 5_000


def test_man_made_habitats_are_on_fields_and_in_towns(
    wide: World, places: Points, allowed: dict[str, np.ndarray]
) -> None:
    cover = land_cover_at(wide, places, wide.terrain.at(places))
    made = anywhere(allowed, "V")
    assert np.isin(cover[made], MADE).all()
    assert not (made & anywhere(allowed, "T")).any()


def test_regions_bind_habitats(wide: World, places: Points, allowed: dict[str, np.ndarray]) -> None:
    ecoregion = regions_at(wide, places)
    coast = coasts_of(ecoregion)
    for one in EVERY_HABITAT:
        if one.regions:
            codes = coast if one.place in ("coast", "littoral") else ecoregion
            assert set(codes[allowed[one.code]]) <= set(one.regions), one.code
