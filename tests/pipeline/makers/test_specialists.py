import json
import math

import numpy as np
import pytest
from tiny_run import SERIAL

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.grid import Grid
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.covariates import land_tiles
from biomap_xr.pipeline.makers.specialists import freeze_specialists
from biomap_xr.pipeline.workers import Workers
from biomap_xr.run import FillSettings


@pytest.fixture(scope="module")
def place(finished, tiny):
    """The finished run's covariates, and its tiles with land."""
    recipe = tiny.anchored(finished.workspace.root)
    covariates = Covariates.open(finished.workspace.covariates, Grid.from_settings(recipe.grid))
    with Workers(SERIAL) as workers:
        filling = Filling(finished.workspace, workers, FillSettings())
        return covariates, land_tiles(recipe, filling)


def test_they_are_frozen_from_what_the_map_says_of_the_sample(finished, place, tmp_path):
    settings = SpecialistSettings(tiles=4, stride=5)
    found = freeze_specialists(finished.model, *place, settings, tmp_path)
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


def test_what_was_frozen_is_read_again(finished, place, tmp_path):
    settings = SpecialistSettings(tiles=2, stride=25)
    first = freeze_specialists(finished.model, *place, settings, tmp_path)
    (path,) = tmp_path.glob("*.json")
    content = json.loads(path.read_text())
    content["cells"] = 12345
    path.write_text(json.dumps(content))
    again = freeze_specialists(finished.model, *place, settings, tmp_path)
    assert again.cells == 12345
    assert again.tiles == first.tiles
    assert len(first.tiles) == 2


def test_another_definition_is_another_set(finished, place, tmp_path):
    for tiles in (1, 2):
        settings = SpecialistSettings(tiles=tiles, stride=25)
        freeze_specialists(finished.model, *place, settings, tmp_path)
    assert len(tuple(tmp_path.glob("*.json"))) == 2


def test_the_order_of_tiles_makes_no_difference(finished, place, tmp_path):
    covariates, tiles = place
    settings = SpecialistSettings(tiles=3, stride=10)
    one = freeze_specialists(finished.model, covariates, tiles, settings, tmp_path / "one")
    other = freeze_specialists(finished.model, covariates, tiles[::-1], settings, tmp_path / "two")
    assert one.tiles == other.tiles
    assert one.cells == other.cells
    assert math.isclose(one.table["elsewhere"].sum(), other.table["elsewhere"].sum(), rel_tol=1e-12)
