import numpy as np

from biomap_xr.grid import Points
from biomap_xr.virtual import landcover
from biomap_xr.virtual.drivers import World, sample_of


def test_codes_are_corine_and_water_is_water(wide: World) -> None:
    places = sample_of(wide.settings)
    relief = wide.terrain.at(places)
    codes = landcover.land_cover_at(wide, places, relief)
    assert codes.dtype == np.uint8
    assert set(np.unique(codes)) <= set(range(1, 45))
    assert len(np.unique(codes)) >= 10
    np.testing.assert_array_equal(codes == landcover.SEA, relief.sea)
    np.testing.assert_array_equal(codes == landcover.LAKE, relief.lake & ~relief.sea)


def test_no_forest_grows_above_the_tree_line(wide: World, on_land: Points) -> None:
    relief = wide.terrain.at(on_land)
    high = landcover.land_cover_at(wide, on_land, relief)[relief.elevation > landcover.TREE_LINE]
    assert not set(high) & {landcover.BROADLEAVED, landcover.CONIFEROUS, landcover.MIXED}
