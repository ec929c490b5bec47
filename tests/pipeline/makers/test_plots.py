import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.plots import (
    OUTSIDE,
    files_of,
    finest,
    fold_roles,
    place,
    species_roles,
    take_plots,
    written_plots,
)


@pytest.fixture(scope="module")
def recipe(tiny, finished):
    return tiny.anchored(finished.workspace.root)


@pytest.fixture(scope="module")
def placed(recipe):
    return place(take_plots(recipe.plots, recipe.habitats)[0], recipe)


@pytest.mark.parametrize("coarse", ["R", "R2", "MA2", "~"])
def test_only_level_three_is_learned(coarse):
    with pytest.raises(InputError, match=r"level|hierarchy"):
        finest(coarse)


def test_plots_lie_in_their_cells(placed, recipe):
    grid = Grid.from_settings(recipe.grid)
    assert placed.cells.inside.all()
    centres = grid.centres_of(placed.cells)
    assert len({*placed.block}) > 5
    assert centres.x.min() >= grid.geobox.boundingbox.left


def test_a_plot_off_the_grid_has_a_block_of_its_own(placed, recipe):
    plots = placed.plots.select(np.arange(3))
    plots.longitude[:] = [np.nan, 170.0, placed.plots.longitude[2]]
    found = place(plots, recipe)
    assert found.block[:2].tolist() == [OUTSIDE, OUTSIDE]
    assert found.block[2] != OUTSIDE
    assert found.cells.row[:2].tolist() == [-1, -1]


def test_no_plot_is_scored_in_a_block_that_the_species_model_saw(placed, recipe, finished):
    sites = Observer(recipe, finished.workspace).sites
    roles = species_roles(placed, recipe, sites)
    test = {*placed.block[roles.test]}
    assert test
    assert not test & {*placed.block[roles.train]}
    assert not test & {*placed.block[roles.validation]}
    together = np.concatenate([roles.train, roles.validation, roles.test])
    assert sorted(together.tolist()) == list(range(len(placed.plots)))


def test_test_blocks_without_plots_are_refused(placed, recipe, finished):
    sites = Observer(recipe, finished.workspace).sites
    roles = species_roles(placed, recipe, sites)
    elsewhere = place(placed.plots.select(roles.train), recipe)
    with pytest.raises(InputError, match=r"test blocks; expected some to score.*folds"):
        species_roles(elsewhere, recipe, sites)


def test_each_plot_is_tested_once(recipe, placed):
    update = {"held_out": "folds", "folds": changed_folds(recipe)}
    folded = recipe.model_copy(update={"habitats": recipe.habitats.model_copy(update=update)})
    roles = fold_roles(place(placed.plots, folded), folded)
    tested = np.concatenate([each.test for each in roles])
    assert sorted(tested.tolist()) == list(range(len(placed.plots)))
    for each in roles:
        assert not np.intersect1d(each.train, each.test).size
        assert not each.validation.size


def changed_folds(recipe):
    return recipe.habitats.folds.model_copy(update={"blocks": "metres", "metres": 500, "folds": 3})


def test_names_as_written_are_those_of_the_same_plots(recipe, placed):
    some = placed.plots.select(np.array([5, 1]))
    written = written_plots(recipe.plots, some)
    assert written.plot_id.tolist() == some.plot_id.tolist()
    assert any(name != name.lower() for name in written.species)


def test_files_of_plots(recipe):
    assert {path.name for path in files_of(recipe.plots)} == {"species.csv", "header.csv"}
