import pytest

from biomap_xr.virtual.drivers import World, sample_of
from biomap_xr.virtual.settings import VirtualSettings


@pytest.mark.parametrize("seed", range(4))
def test_sea_takes_its_share_and_mountains_rise(seed: int) -> None:
    settings = VirtualSettings(seed=seed, water=0.2)
    relief = World.of(settings).terrain.at(sample_of(settings))
    assert abs(relief.sea.mean() - 0.2) < 0.001
    assert (relief.elevation[relief.sea] == 0).all()
    assert 1_000 < relief.elevation.max() < 3_000
    assert 0 < relief.lake.mean() < 0.06
    assert not (relief.land & (relief.lake | relief.sea)).any()


def test_a_world_may_have_no_sea() -> None:
    settings = VirtualSettings(water=0.0)
    assert World.of(settings).terrain.at(sample_of(settings)).sea.mean() < 0.001
