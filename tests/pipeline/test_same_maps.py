"""One map, whoever makes it: other tiles, another order, a lazy face, an analyst, a cluster."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from tiny_run import SERIAL, linked

from biomap_xr.cluster import open_session, profile_of
from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.grid import Extent, Grid
from biomap_xr.indicators.assess import assess, count_quantiles
from biomap_xr.indicators.declared import INDICATORS
from biomap_xr.indicators.specialists import Specialists
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.covariates import gather, land_tiles
from biomap_xr.pipeline.makers.maps import make_maps
from biomap_xr.pipeline.makers.traits import traits_of
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs import loading
from biomap_xr.recipe import Recipe
from biomap_xr.run import FillSettings
from biomap_xr.species.prediction import predict

pytestmark = pytest.mark.trust

PARTS = 250


@pytest.fixture(scope="module")
def species(finished):
    return open_cube(finished.workspace.species).load()


@pytest.fixture(scope="module")
def indicators(finished):
    return open_cube(finished.workspace.indicators).load()


@pytest.fixture(scope="module")
def predicted(finished):
    """The lazy face on the finished run, nothing computed."""
    place = finished.workspace
    return predict(place.models / "species", place.covariates)


@pytest.fixture(scope="module")
def assessed(finished, tiny, species):
    table = species[["species", "species_id"]].to_dataframe().reset_index()
    traits = traits_of(tiny.anchored(finished.workspace.root), table)
    (frozen,) = (finished.workspace.models / "specialists").glob("*.json")
    lazy = open_cube(finished.workspace.species, chunks={})
    return assess(lazy, traits.with_specialists(Specialists.read(frozen).species_id))


def same_levels(found, expected):
    """Equal to one level, and valid at the same cells."""
    xr.testing.assert_equal(found["valid"], expected["valid"])
    np.testing.assert_array_equal(found["displacement"], expected["displacement"])
    apart = found["probability"].astype(int) - expected["probability"].astype(int)
    assert int(np.abs(apart).max()) <= 1


def same_maps(one, other):
    """Floats to 1e-5, stored levels to at most one."""
    same_levels(open_cube(one.species).load(), open_cube(other.species).load())
    first, second = (open_cube(each.indicators).load() for each in (one, other))
    for name, values in first.data_vars.items():
        np.testing.assert_allclose(second[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def without_maps(finished, root):
    """A copy of a finished run whose maps are still to be made."""
    place = linked(finished.workspace, root, "virtual")
    for name in ("covariates.zarr", "models", "receipts"):
        shutil.copytree(
            finished.workspace.root / name,
            place.root / name,
            ignore=shutil.ignore_patterns("maps", "maps.json"),
        )
    return place


class TestPredict:
    def test_it_is_lazy_and_cut_as_the_map(self, predicted):
        assert predicted.chunks["y"] == predicted.chunks["x"] == (50, 50)
        assert {name: str(v.dtype) for name, v in predicted.data_vars.items()} == {
            "probability": "uint8",
            "valid": "uint8",
            "displacement": "float32",
        }

    def test_computed_here_it_is_the_species_cube(self, predicted, species):
        found = predicted.compute(scheduler="synchronous")
        same_levels(found, species)
        for name in ("species", "species_id", "threshold_f", "threshold_conformal", "x", "y"):
            np.testing.assert_array_equal(found[name], species[name])
        assert found.odc.crs == species.odc.crs

    def test_computed_on_a_cluster_it_is_the_species_cube(self, predicted, species):
        profile = profile_of({"kind": "local", "processes": 2, "dashboard": None})
        with open_session(profile) as session:
            future = session.client.compute(predicted)
            same_levels(future.result(timeout=120), species)

    def test_a_region_across_tiles_is_that_part_of_the_cube(self, finished, predicted, species):
        place = finished.workspace
        region = Extent(x_min=4_001_900, y_min=2_801_700, x_max=4_003_300, y_max=2_803_100)
        names = [str(name) for name in species["species"].values[[5, 2]]]
        found = predict(place.models / "species", place.covariates, region=region, species=names)
        same_levels(
            found.compute(scheduler="synchronous"),
            species.isel(y=slice(38, 66), x=slice(38, 66), species=[5, 2]),
        )


class TestTiles:
    def test_their_size_makes_no_difference(self, finished, tiny, tmp_path):
        values = json.loads(tiny.model_dump_json())
        values |= {"simulate": None, "root": str(finished.workspace.virtual)}
        values["grid"] = {**values["grid"], "tile": 5000}
        recipe = Recipe.model_validate(values).anchored(tmp_path)
        place = Workspace(tmp_path / "run")
        shutil.copytree(finished.workspace.models / "species", place.models / "species")
        with Workers(SERIAL) as workers:
            filling = Filling(place, workers, FillSettings())
            gather(recipe, recipe.covariates, filling)
            covariates = Covariates.open(place.covariates, Grid.from_settings(recipe.grid))
            tiles = land_tiles(recipe, filling)
            assert [tile.shape for tile in tiles] == [(100, 100)]
            assert make_maps(recipe, finished.model, covariates, tiles, filling).status == 0
        same_maps(finished.workspace, place)

    def test_their_order_makes_no_difference(self, finished, tiny, tmp_path):
        place = without_maps(finished, tmp_path / "run")
        recipe = tiny.anchored(place.root)
        covariates = Covariates.open(place.covariates, Grid.from_settings(recipe.grid))
        with Workers(SERIAL) as workers:
            filling = Filling(place, workers, FillSettings())
            tiles = list(land_tiles(recipe, filling))
            random.Random(5).shuffle(tiles)
            summary = make_maps(recipe, finished.model, covariates, tiles, filling)
        assert summary.done == tuple(tile.name for tile in tiles)
        same_maps(finished.workspace, place)


class TestAnalyst:
    def test_it_is_lazy(self, assessed):
        assert assessed["expected"].chunks is not None

    @pytest.mark.parametrize("name", ["expected", "variance"])
    def test_sums_agree_to_the_rounding(self, assessed, indicators, species, name):
        # Each species is off by half a level at most, or by the floor where it is not stored.
        tolerance = assessed["members"].values[:, None, None] * 0.5 / PARTS + 1e-4
        apart = np.abs(assessed[name] - indicators[name]).where(species["valid"] == 1, 0.0)
        assert (apart.values <= tolerance).all()
        assert apart.values.any()

    def test_counts_agree_but_for_a_level(self, assessed, indicators, species):
        # Species whose rounded probability is just at the rounded threshold may be counted.
        level = species["probability"].astype(int)
        limit = np.rint(species["threshold_conformal"] * PARTS).astype(int)
        richness = assessed["count"].sel(indicator="richness").astype(int)
        gained = richness - indicators["count"].sel(indicator="richness").astype(int)
        at_limit = (level == np.maximum(limit, 1)).sum("species")
        assert int(gained.min()) >= 0
        assert bool((gained <= at_limit).all())

    def test_the_chance_of_at_least_one_agrees(self, assessed, indicators):
        for name in INDICATORS:
            found, expected = (each["any"].sel(indicator=name) for each in (assessed, indicators))
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
            assert float(np.abs(found - expected).max()) < 0.05

    def test_any_list_of_species_will_do(self, species):
        pair = [str(name) for name in species["species"].values[[3, 8]]]
        found = assess(species, {"pair": pair})
        p, q = (species["probability"].values[row] / PARTS for row in (3, 8))
        valid = species["valid"].values == 1
        expected = found["expected"].sel(indicator="pair").values
        np.testing.assert_allclose(expected[valid], (p + q)[valid], atol=1e-6)
        one = found["any"].sel(indicator="pair").values
        np.testing.assert_allclose(one[valid], (1 - (1 - p) * (1 - q))[valid], atol=1e-6)
        assert np.isnan(expected[~valid]).all()

    def test_quantiles_are_exact(self, species):
        part = species.isel(y=slice(40, 44), x=slice(40, 44))
        every = [str(name) for name in species["species"].values]
        found = count_quantiles(part, {"all": every}, levels=(0.025, 0.5, 0.975))
        rows, columns = np.nonzero(part["valid"].values)
        assert rows.size
        for row, column in zip(rows, columns, strict=True):
            chance = part["probability"].values[:, row, column] / PARTS
            law = scipy.stats.poisson_binom(chance)
            for level in (0.025, 0.5, 0.975):
                value = found.sel(quantile=level, indicator="all")[row, column]
                assert float(value) == law.ppf(level)


class TestProcesses:
    @pytest.fixture
    def address(self, tmp_path):
        """A scheduler and a worker, each a process of its own that this one has not started by
        a cluster."""
        file, log = tmp_path / "scheduler.json", (tmp_path / "dask.log").open("w")
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        programs = (
            ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"],
            ["distributed.cli.dask_worker", "--nthreads", "1"],
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-m", *program, *common],
                cwd=tmp_path,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for program in programs
        ]
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
        log.close()

    def test_a_cluster_that_runs_already_makes_the_same_maps(
        self, finished, tiny, tmp_path, address
    ):
        place = without_maps(finished, tmp_path / "run")
        with Workers(profile_of({"kind": "address", "address": address})) as workers:
            made = run(tiny, place, workers)
        assert made.maps.status == 0
        assert len(made.maps.done) == 4
        same_maps(finished.workspace, place)

    def test_a_process_loads_the_model_once(self, finished, tiny, tmp_path, monkeypatch):
        loads = []
        load = loading.load_model

        def counted(folder, device):
            loads.append(folder)
            return load(folder, device)

        monkeypatch.setattr(loading, "load_model", counted)
        loading.loaded.cache_clear()
        place = without_maps(finished, tmp_path / "run")
        with Workers(SERIAL) as workers:
            assert len(run(tiny, place, workers).maps.done) == 4
        assert loads == [place.models / "species"]


def test_licence_and_model_go_with_whatever_is_made_of_a_cube(finished):
    lazy = predict(finished.workspace.models / "species", finished.workspace.covariates)
    species = open_cube(finished.workspace.species)
    mine = assess(species, {"mine": species.species.values[:3].tolist()})
    for made in (lazy, mine):
        assert made.attrs["license"] == finished.recipe.licence
        assert "biomap-xr" in made.attrs["software"]
        assert made.attrs["model"]
