import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tiny_run import linked

from biomap_xr.cluster import SerialProfile, profile_of
from biomap_xr.cubes import digest_of, open_cube
from biomap_xr.errors import InputError, RecipeError
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe

TINY = Path(__file__).with_name("tiny.yaml")
CUBES = ("covariates.zarr", "species.zarr", "indicators.zarr")


def shards_of(root, cubes=CUBES):
    """Every chunk file of the cubes with its digest."""
    return {
        path.relative_to(root).as_posix(): digest_of(path)
        for cube in cubes
        for path in sorted((root / cube).rglob("c/**/*"))
        if path.is_file()
    }


def copied(finished, root, *left_out):
    """A copy of a finished run without some of its parts."""
    shutil.copytree(finished.workspace.root, root, ignore=shutil.ignore_patterns(*left_out))
    return Workspace(root)


def again(recipe, workspace, profile=None):
    with Workers(profile or SerialProfile(kind="serial")) as workers:
        return run(recipe, workspace, workers)


def test_cubes_have_the_documented_names_dims_and_types(finished):
    species = open_cube(finished.workspace.species)
    assert {name: (v.dims, str(v.dtype)) for name, v in species.data_vars.items()} == {
        "probability": (("species", "y", "x"), "uint8"),
        "valid": (("y", "x"), "uint8"),
        "displacement": (("y", "x"), "float32"),
    }
    assert {"species", "species_id", "threshold_f", "threshold_conformal"} <= set(species.coords)
    indicators = open_cube(finished.workspace.indicators)
    floats = dict.fromkeys(
        ("expected", "variance", "low", "high", "any"), (("indicator", "y", "x"), "float32")
    )
    assert {name: (v.dims, str(v.dtype)) for name, v in indicators.data_vars.items()} == {
        **floats,
        "count": (("indicator", "y", "x"), "uint16"),
        "most_threatened": (("y", "x"), "uint8"),
        "status_any": (("status", "y", "x"), "float32"),
    }
    assert indicators.indicator.values.tolist() == [
        "richness",
        "eu_directive",
        "threatened",
        "trees",
        "invasive",
        "specialist",
    ]


def test_plain_xarray_reads_the_cubes_with_crs_and_provenance(finished):
    cube = xr.open_zarr(finished.workspace.indicators, decode_coords="all")
    assert cube.odc.crs.to_epsg() == 3035
    assert {"model", "run", "license", "richness_lost_to_floor", "software"} <= set(cube.attrs)


def test_indicators_keep_their_bounds(finished):
    cube = open_cube(finished.workspace.indicators).load()
    valid = open_cube(finished.workspace.species)["valid"].values == 1
    expected = cube.expected.sel(indicator="richness").values
    assert (np.isfinite(expected) == valid).all()
    low, high = (cube[name].sel(indicator="richness").values[valid] for name in ("low", "high"))
    assert (low >= 0).all()
    assert (low <= expected[valid]).all()
    assert (expected[valid] <= high).all()
    assert (high <= 40).all()


def test_water_near_land_takes_its_prediction_and_says_how_far(finished):
    cube = open_cube(finished.workspace.species).load()
    land = open_cube(finished.workspace.covariates, "masks")["land"].values == 1
    moved = cube.displacement.values
    assert (moved[land & (cube.valid.values == 1)] == 0).all()
    far = moved[~land & (cube.valid.values == 1)]
    assert far.size
    assert ((far >= 50) & (far <= 500)).all()
    assert np.isnan(moved[cube.valid.values == 0]).all()


def test_a_second_run_finds_everything_done(finished, tiny):
    before = shards_of(finished.workspace.root)
    start = time.perf_counter()
    made = again(tiny, finished.workspace)
    assert time.perf_counter() - start < 10
    assert made.maps.done == ()
    assert len(made.maps.skipped) == 4
    assert shards_of(finished.workspace.root) == before


def test_a_lost_shard_is_made_again_and_only_its_tile(finished, tiny, tmp_path):
    workspace = copied(finished, tmp_path / "run")
    before = shards_of(workspace.root)
    lost = next(iter(workspace.species.glob("probability/c/0/0/0")))
    lost.unlink()
    made = again(tiny, workspace)
    assert len(made.maps.done) == 1
    assert shards_of(workspace.root) == before


def test_another_choice_of_assemblage_makes_the_maps_again_and_trains_nothing(
    finished, tiny, tmp_path
):
    workspace = copied(finished, tmp_path / "run")
    card = (workspace.models / "species" / "card.json").stat().st_mtime_ns
    values = tiny.model_dump()
    values["indicators"]["assemblage"] = "f_score"
    made = again(Recipe.model_validate(values), workspace)
    assert len(made.maps.done) == 4
    assert (workspace.models / "species" / "card.json").stat().st_mtime_ns == card


@pytest.mark.trust
def test_local_workers_make_the_same_maps(finished, tiny, tmp_path):
    workspace = copied(finished, tmp_path / "run", "species.zarr", "indicators.zarr", "maps")
    profile = profile_of({"kind": "local", "processes": 2, "dashboard": None})
    made = again(tiny, workspace, profile)
    assert made.maps.status == 0
    equal_maps(finished.workspace, workspace)


def equal_maps(one, other):
    """Floats to 1e-5, stored levels to at most one."""
    for name in ("species", "indicators"):
        first, second = (open_cube(getattr(each, name)).load() for each in (one, other))
        for variable, values in first.data_vars.items():
            found = second[variable].values
            tolerance = 1 if variable == "probability" else 1e-5
            np.testing.assert_allclose(
                found.astype(float), values.values.astype(float), rtol=1e-5, atol=tolerance
            )


def start(workspace, *failpoint):
    environment = {**os.environ, "BIOMAP_FAILPOINT": failpoint[0] if failpoint else ""}
    profile = TINY.parents[2] / "cluster" / "serial.yaml"
    command = [sys.executable, "-m", "biomap_xr", "run", str(TINY), "--cluster", str(profile)]
    return subprocess.Popen(
        [*command, "--workspace", str(workspace.root)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


KILLED_AT = (
    "receipts/covariates/*.json",
    "models/**/*.safetensors",
    "models/habitats/**/*.safetensors",
    "receipts/maps/*.json",
)
"""The first file of each leaves the run in the midst of a stage, of which it is one of several."""


def is_there(root, pattern):
    try:
        return any(root.glob(pattern))
    except FileNotFoundError:
        # The run has renamed a folder while it was looked through.
        return False


@pytest.mark.trust
def test_killed_in_every_stage_the_run_ends_bit_for_bit_the_same(finished, tmp_path):
    workspace = linked(finished.workspace, tmp_path / "run", "virtual")
    for pattern in KILLED_AT:
        process = start(workspace)
        while not is_there(workspace.root, pattern):
            assert process.poll() is None, f"ended before {pattern}: {process.stderr.read()}"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(workspace)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()
    assert shards_of(workspace.root) == shards_of(finished.workspace.root)
    weights = "models/species/model.safetensors"
    assert digest_of(workspace.root / weights) == digest_of(finished.workspace.root / weights)


def test_a_workspace_of_another_recipe_is_refused_and_kept(finished, tiny):
    before = shards_of(finished.workspace.root)
    other = tiny.model_copy(update={"name": "other"})
    with pytest.raises(InputError, match="made with another recipe: it has tiny"):
        again(other, finished.workspace)
    assert shards_of(finished.workspace.root) == before


def test_missing_observations_are_named_before_the_covariates_are_made(finished, tiny, tmp_path):
    workspace = copied(finished, tmp_path / "run", "*.zarr", "receipts", "models")
    shutil.copytree(finished.workspace.virtual, workspace.virtual, dirs_exist_ok=True)
    values = tiny.model_dump(mode="json")
    values["observations"]["tables"][0]["path"] = "nowhere.csv"
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        again(Recipe.model_validate(values), workspace)
    assert not workspace.covariates.exists()


def test_a_recipe_without_anything_to_see_is_refused(tiny, tmp_path):
    values = json.loads(tiny.model_dump_json())
    recipe = Recipe.model_validate({**values, "covariates": None, "habitats": {}})
    with pytest.raises((InputError, RecipeError), match="neither covariates nor patches"):
        again(recipe, Workspace(tmp_path / "w"))


def test_background_is_drawn_on_the_land_of_the_mask(finished, tiny, tmp_path):
    workspace = copied(finished, tmp_path / "run", "models", "species.zarr", "indicators.zarr")
    values = tiny.model_dump(mode="json")
    values["observations"]["background"]["random_cells"] = 25
    values["species"]["compare"] = False
    again(Recipe.model_validate(values), workspace)
    report = json.loads((workspace.models / "observations.json").read_text())
    assert report["background"] == 25
