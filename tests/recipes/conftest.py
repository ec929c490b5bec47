"""Finished runs of the recipes on real data, each made once."""

import os
from pathlib import Path

import pytest

from biomap_xr.cluster import SerialProfile
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.telling.species import make_report
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="session")
def data():
    """The folder of real data."""
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set: no real data to run a recipe on")
    return Path(os.environ["BIOMAP_XR_DATA"])


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """Run a recipe by its name and report on it; what a run leaves is its workspace."""
    made = {}

    def make(name):
        if name not in made:
            recipe = Recipe.load(RECIPES / f"{name}.yaml")
            workspace = Workspace(tmp_path_factory.mktemp(name) / "run")
            with Workers(SerialProfile(kind="serial")) as workers:
                made[name] = run(recipe, workspace, workers)
            make_report(recipe, workspace)
        return made[name]

    return make
