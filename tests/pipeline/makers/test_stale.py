from biomap_xr.cubes import declare
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.habitats.cube import by_environment_cube
from biomap_xr.pipeline.makers.stale import drop_group, drop_stale

GRID = Grid.from_settings(
    GridSettings(
        resolution=100,
        tile=1000,
        extent=Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_001_000, y_max=2_801_000),
    )
)


def test_a_group_of_another_model_goes_and_its_own_stays(tmp_path):
    store, group = tmp_path / "habitats.zarr", "by_environment/T"
    declare(store, by_environment_cube(GRID, "T", ["T17"], {"model": "ab"}))
    drop_stale(store, group, "ab")
    assert (store / group).is_dir()
    drop_stale(store, group, "cd")
    assert not (store / group).exists()
    assert (store / "by_environment").is_dir()


def test_a_group_with_other_variables_goes(tmp_path):
    store, group = tmp_path / "habitats.zarr", "by_environment/T"
    cube = by_environment_cube(GRID, "T", ["T17"], {"model": "ab"})
    declare(store, cube)
    names = [each.name for each in cube.variables]
    drop_stale(store, group, "ab", names)
    assert (store / group).is_dir()
    drop_stale(store, group, "ab", [*names, "level1_confidence"])
    assert not (store / group).exists()


def test_what_is_not_there_cannot_be_dropped(tmp_path):
    drop_group(tmp_path / "habitats.zarr", "wall_to_wall")
    drop_stale(tmp_path / "habitats.zarr", "wall_to_wall", "ab")
    assert not list(tmp_path.iterdir())
