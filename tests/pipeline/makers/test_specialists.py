import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from tiny_run import filling_of

from biomap_xr.cluster import profile_of
from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.pipeline.makers.covariates import land_tiles
from biomap_xr.pipeline.makers.specialists import freeze_specialists
from biomap_xr.pipeline.workers import Workers
from biomap_xr.programs.specialists import PrevalenceProgram


@pytest.fixture(scope="module")
def place(finished, tiny):
    """The finished run's covariates, and its tiles with land."""
    recipe = tiny.anchored(finished.workspace.root)
    covariates = Covariates.open(finished.workspace.covariates, Grid.from_settings(recipe.grid))
    return covariates, land_tiles(recipe, filling_of(finished.workspace))


@pytest.fixture
def folder(copied):
    """No set is frozen."""
    shutil.rmtree(copied.models / "specialists")
    shutil.rmtree(copied.root / "receipts" / "specialists")
    return copied.models / "specialists"


def test_they_are_frozen_from_what_the_map_says_of_the_sample(finished, place, copied):
    settings = SpecialistSettings(tiles=4, stride=5)
    found = freeze_specialists(finished.model, *place, settings, filling_of(copied))
    cube = open_cube(finished.workspace.species).load()
    land = open_cube(finished.workspace.covariates, "masks")["land"].values == 1
    # The sampled cells of all four tiles lie on one lattice, since 5 divides 50.
    sampled = np.zeros_like(land)
    sampled[2::5, 2::5] = True
    sampled &= land & (cube["valid"].values == 1)
    assert found.cells == sampled.sum()
    chance = cube["probability"].values[:, sampled] / 250
    np.testing.assert_allclose(found.table["highest"], chance.max(axis=1), atol=0.003)
    others = (chance.sum(axis=1) - chance.max(axis=1)) / (sampled.sum() - 1)
    np.testing.assert_allclose(found.table["elsewhere"], others, atol=0.003)
    np.testing.assert_allclose(found.table["threshold"], cube["threshold_conformal"])


def test_what_was_frozen_is_read_again(finished, place, copied, folder):
    settings = SpecialistSettings(tiles=2, stride=25)
    first = freeze_specialists(finished.model, *place, settings, filling_of(copied))
    (path,) = folder.iterdir()
    content = json.loads(path.read_text())
    content["cells"] = 12345
    path.write_text(json.dumps(content))
    again = freeze_specialists(finished.model, *place, settings, filling_of(copied))
    assert again.cells == 12345
    assert again.tiles == first.tiles
    assert len(first.tiles) == 2


def test_another_definition_is_another_set(finished, place, copied, folder):
    for tiles in (1, 2):
        settings = SpecialistSettings(tiles=tiles, stride=25)
        freeze_specialists(finished.model, *place, settings, filling_of(copied))
    assert len(tuple(folder.glob("*.json"))) == 2


def test_the_order_of_tiles_and_who_works_make_no_difference(finished, place, copied, folder):
    covariates, tiles = place
    settings = SpecialistSettings(tiles=3, stride=10)
    one = freeze_specialists(finished.model, covariates, tiles, settings, filling_of(copied))
    (path,) = folder.glob("*.json")
    path.unlink()
    profile = profile_of({"kind": "local", "processes": 2, "memory_limit": "2GiB"})
    with Workers(profile) as workers:
        filling = filling_of(copied, workers)
        other = freeze_specialists(finished.model, covariates, tiles, settings, filling)
    assert one.tiles == other.tiles
    assert one.cells == other.cells
    pd.testing.assert_frame_equal(one.table, other.table)
    path.unlink()
    turned = freeze_specialists(
        finished.model, covariates, tiles[::-1], settings, filling_of(copied)
    )
    assert turned.tiles == one.tiles
    assert math.isclose(
        one.table["elsewhere"].sum(), turned.table["elsewhere"].sum(), rel_tol=1e-12
    )


def test_a_killed_sample_goes_on_and_an_error_names_its_tile(
    finished, place, copied, folder, monkeypatch
):
    settings = SpecialistSettings(tiles=4, stride=10)
    own, seen = PrevalenceProgram.__call__, []

    def stopping(error):
        def call(program, tile):
            seen.append(tile.name)
            if len(seen) == 3:
                raise error
            return own(program, tile)

        return call

    def freeze(**how):
        return freeze_specialists(finished.model, *place, settings, filling_of(copied, **how))

    monkeypatch.setattr(PrevalenceProgram, "__call__", stopping(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        freeze()
    monkeypatch.setattr(PrevalenceProgram, "__call__", stopping(InputError("no land")))
    seen[:] = ["", ""]
    with pytest.raises(InputError, match=r"specialists: 1 tiles .* first \w+: InputError: no land"):
        freeze(retries=0)
    # The two of the first run are not looked at again, nor is the fourth.
    seen.clear()
    monkeypatch.setattr(PrevalenceProgram, "__call__", stopping(None))
    found = freeze()
    assert len(seen) == 1
    assert len(found.tiles) == 4
    assert not [path for path in folder.iterdir() if path.is_dir()]
