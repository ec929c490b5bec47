import pickle
from dataclasses import replace

import cloudpickle
import numpy as np
import pytest
import torch
from tiny_run import SERIAL

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import declare, open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.habitats.cube import by_species_cube
from biomap_xr.indicators.cube import indicators_cube
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.maps import tile_program
from biomap_xr.pipeline.workers import Workers
from biomap_xr.programs.loading import loaded
from biomap_xr.run import FillSettings
from biomap_xr.species.cube import species_cube

TILE = "2500mE40025N28000"


@pytest.fixture(scope="module")
def grid(tiny):
    return Grid.from_settings(tiny.grid)


@pytest.fixture(scope="module")
def program(finished, tiny, grid):
    """The program that made the maps, as the run built it."""
    recipe = tiny.anchored(finished.workspace.root)
    covariates = Covariates.open(finished.workspace.covariates, grid)
    with Workers(SERIAL) as workers:
        filling = Filling(finished.workspace, workers, FillSettings())
        tiles = tuple(grid.tiles())
        return tile_program(recipe, finished.model, covariates, tiles, filling, finished.habitats)


@pytest.fixture
def elsewhere(program, finished, grid, tmp_path):
    """The same program with empty cubes of its own."""
    moved = replace(
        program,
        species_store=tmp_path / "species.zarr",
        indicators_store=tmp_path / "indicators.zarr",
        habitats=replace(program.habitats, store=tmp_path / "habitats.zarr"),
    )
    codes = finished.habitats.card.habitats
    declare(moved.habitats.store, by_species_cube(grid, codes, {}, probabilities=True))
    declare(moved.species_store, species_cube(grid, finished.model.card, {}))
    declare(moved.indicators_store, indicators_cube(grid, {}))
    return moved


def part_of(store, grid):
    window = grid.tile(TILE).window
    return open_cube(store).isel(y=window.rows, x=window.columns).load()


def test_it_has_the_fingerprint_of_the_receipts(program, finished):
    receipts = finished.workspace.ledger("maps").receipts()
    assert {receipt.fingerprint for receipt in receipts} == {program.fingerprint}


def test_it_travels_small(program):
    assert len(cloudpickle.dumps(program)) < 20_000


def test_statistics_are_what_the_cubes_hold(elsewhere, grid, finished):
    outcome = elsewhere(grid.tile(TILE))
    species, indicators = (
        part_of(store, grid) for store in (elsewhere.species_store, elsewhere.indicators_store)
    )
    found = outcome.statistics
    assert found["cells"] == int(species["valid"].sum())
    assert found["moved"] == int((species["displacement"] > 0).sum())
    assert found["stored_richness"] == pytest.approx(float(species["probability"].sum()) / 250)
    expected = float(indicators["expected"].sel(indicator="richness").sum())
    assert found["richness"] == pytest.approx(expected, rel=1e-5)
    assert len(found["occupied"]) == 40
    # A rounded probability is at most half a level from the one that was compared.
    level, limit = species["probability"] / 250, finished.model.card.thresholds.f_score_global
    sure, possible = ((level >= limit + side * 0.0021).sum(("y", "x")).values for side in (1, -1))
    assert limit > 0.005
    assert (found["occupied"] >= sure).all()
    assert (found["occupied"] <= possible).all()


def test_only_its_tile_is_written(elsewhere, grid):
    outcome = elsewhere(grid.tile(TILE))
    whole = open_cube(elsewhere.species_store)["valid"].load()
    inside = part_of(elsewhere.species_store, grid)["valid"]
    assert int(whole.sum()) == int(inside.sum()) > 0
    roots = {shard.path.split("/")[0] for shard in outcome.shards}
    assert roots == {"species.zarr", "indicators.zarr", "habitats.zarr"}
    for shard in outcome.shards:
        assert shard.is_intact(elsewhere.species_store.parent, deep=True)


def test_the_block_of_species_makes_no_difference(elsewhere, program, finished, grid):
    narrow = replace(elsewhere, settings=program.settings.model_copy(update={"block": 7}))
    narrow(grid.tile(TILE))
    for store, reference in (
        (narrow.species_store, finished.workspace.species),
        (narrow.indicators_store, finished.workspace.indicators),
    ):
        one, other = part_of(store, grid), part_of(reference, grid)
        for name, values in other.data_vars.items():
            tolerance = 1 if name == "probability" else 1e-5
            np.testing.assert_allclose(
                one[name].astype(float), values.astype(float), rtol=1e-5, atol=tolerance
            )


def test_without_a_species_cube_the_indicators_are_the_same(elsewhere, finished, grid):
    outcome = replace(elsewhere, species_store=None, habitats=None)(grid.tile(TILE))
    assert all(shard.path.startswith("indicators.zarr/") for shard in outcome.shards)
    one = part_of(elsewhere.indicators_store, grid)
    other = part_of(finished.workspace.indicators, grid)
    for name, values in other.data_vars.items():
        np.testing.assert_array_equal(one[name], values)
    assert not open_cube(elsewhere.species_store)["valid"].any()


def test_a_tile_without_land_is_nothing_everywhere(elsewhere, grid, monkeypatch):
    read = Covariates.read

    def drowned(self, group, variable, window):
        values = read(self, group, variable, window)
        return np.zeros_like(values) if variable == "land" else values

    monkeypatch.setattr(Covariates, "read", drowned)
    outcome = elsewhere(grid.tile(TILE))
    assert outcome.statistics["cells"] == 0
    assert outcome.statistics["richness"] == 0
    indicators = part_of(elsewhere.indicators_store, grid)
    assert np.isnan(indicators["expected"]).all()
    assert (indicators["most_threatened"] == 0).all()
    assert not part_of(elsewhere.species_store, grid)["probability"].any()


def test_a_prediction_that_is_no_probability_is_never_written(elsewhere, grid, finished):
    model = loaded(elsewhere.model, elsewhere.weights, "cpu")
    bias = model.head.bias
    spoilt = bias.detach().clone()
    with torch.no_grad():
        bias[3] = float("nan")
    try:
        with pytest.raises(InputError, match=TILE):
            elsewhere(grid.tile(TILE))
    finally:
        with torch.no_grad():
            bias.copy_(spoilt)
    assert not open_cube(elsewhere.species_store)["valid"].any()


def test_a_worker_without_gpu_names_the_local_profile(program):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match=r"device 'cuda'.*cluster/local\.yaml"):
        loaded(program.model, program.weights, "cuda")


def test_it_can_be_pickled_as_it_is(program):
    assert pickle.loads(pickle.dumps(program)).fingerprint == program.fingerprint
