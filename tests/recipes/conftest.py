"""Finished runs of the recipes on real data, each made once."""

import os
from pathlib import Path

import pytest

from biomap_xr.pipeline.reporting import make_report
from biomap_xr.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="session")
def data():
    """The folder of real data."""
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set: no real data to run a recipe on")
    return Path(os.environ["BIOMAP_XR_DATA"])


@pytest.fixture(scope="session")
def finished(data, run_once):
    """Run a recipe by its name and report on it; what a run leaves is its workspace."""
    made = {}

    def make(name):
        if name not in made:
            recipe = Recipe.load(RECIPES / f"{name}.yaml")
            made[name] = run_once(recipe)
            make_report(recipe, made[name].workspace)
        return made[name]

    return make
