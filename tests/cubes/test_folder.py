from dataclasses import replace

import numpy as np
import pytest

from biomap_xr.cubes import declare, write_block
from biomap_xr.cubes.folder import open as open_folder
from biomap_xr.errors import InputError


@pytest.fixture
def run(tmp_path, cube):
    """A run's folder: a cube that is its store's root, and two groups of another store."""
    declare(tmp_path / "species.zarr", cube)
    for group in ("by_species", "by_environment/T"):
        declare(tmp_path / "habitats.zarr", replace(cube, group=group))
    (tmp_path / "models").mkdir()
    return tmp_path


def test_a_runs_folder_has_its_cubes_by_name(run):
    write_block(run / "species.zarr", "", "valid", np.ones((20, 20), np.uint8), {"y": 0, "x": 20})
    cubes = open_folder(str(run))
    assert list(cubes) == ["habitats/by_environment/T", "habitats/by_species", "species"]
    assert int(cubes["species"].valid.sum()) == 400
    assert cubes["species"] is cubes["species"]
    assert cubes["habitats/by_species"].odc.crs.to_epsg() == 3035


def test_a_store_has_its_groups_by_the_same_names(run):
    cubes = open_folder(run / "habitats.zarr")
    assert list(cubes) == ["habitats/by_environment/T", "habitats/by_species"]


def test_it_shows_what_there_is(run):
    shown = repr(open_folder(run)).splitlines()
    assert shown[0] == f"3 cubes in {run}"
    assert "species                    probability(species, y, x), valid(y, x)" in shown


def test_a_name_that_is_not_there_is_told_with_those_like_it(run):
    cubes = open_folder(run)
    assert "habitats" not in cubes
    with pytest.raises(
        InputError,
        match=r"no cube 'habitats'.*mean habitats/by_environment/T or habitats/by_species",
    ):
        cubes["habitats"]
    with pytest.raises(InputError, match=r"no cube 'speces'.*mean species\?"):
        cubes["speces"]


def test_a_folder_that_is_not_there_is_told_with_those_like_it(run):
    with pytest.raises(InputError, match=r"modles is no folder.*mean .*models\?"):
        open_folder(run / "modles")
    with pytest.raises(InputError, match="models holds no cube"):
        open_folder(run / "models")
