"""One tiny simulated Europe for all tests of the room, and the world behind it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from biomap_xr.grid import Points
from biomap_xr.virtual import Simulated, Truth, VirtualSettings, open_truth, simulate
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.drivers import World, chosen_of

Made = Callable[[str, Callable[[Path], object]], Path]


def _simulated(name: str, settings: VirtualSettings, made_once: Made) -> Simulated:
    folder = made_once(name, lambda place: simulate(settings, place / "virtual", threads=1))
    # What is there is recognised and not written again.
    return simulate(settings, folder / "virtual", threads=1)


@pytest.fixture(scope="session")
def settings() -> VirtualSettings:
    return VirtualSettings(
        seed=3,
        tile=1_000,
        species=40,
        surveys=300,
        records=200,
        plots=1_500,
        patches=3,
        predictor_resolution=50,
    )


@pytest.fixture(scope="session")
def simulated(settings: VirtualSettings, made_once: Made) -> Simulated:
    return _simulated("europe", settings, made_once)


@pytest.fixture(scope="session")
def assemblage(settings: VirtualSettings) -> Assemblage:
    return Assemblage.of(settings)


@pytest.fixture(scope="session")
def wide() -> World:
    """The world of the default settings' size: 50 km x 50 km."""
    return World.of(VirtualSettings(seed=5))


@pytest.fixture(scope="session")
def on_land(wide: World) -> Points:
    """Random places on the land of the wide world."""
    random = np.random.default_rng(0)
    places = Points(
        4_000_000 + random.uniform(0, 50_000, 900), 2_800_000 + random.uniform(0, 50_000, 900)
    )
    return chosen_of(places, wide.terrain.at(places).land)


@pytest.fixture(scope="session")
def everything(made_once: Made) -> Simulated:
    """A small Europe of all formations: 2.5 km x 2.5 km in cells of 25 m."""
    settings = VirtualSettings(
        seed=1,
        formations="all",
        tile=1_250,
        resolution=25,
        species=120,
        surveys=60,
        records=30,
        plots=900,
        patches=0,
        scenes=(date(2021, 7, 18),),
        predictor_resolution=25,
    )
    return _simulated("everything", settings, made_once)


@pytest.fixture(scope="session")
def all_formations(everything: Simulated) -> Truth:
    return open_truth(everything.folder)
