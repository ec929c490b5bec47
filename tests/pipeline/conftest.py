"""One finished run of a tiny simulated Europe, shared by all tests of the pipeline."""

from pathlib import Path

import pytest

from biomap_xr.cluster import SerialProfile
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe

TINY = Path(__file__).with_name("tiny.yaml")
SERIAL = SerialProfile(kind="serial")


@pytest.fixture(scope="session")
def tiny():
    return Recipe.load(TINY)


@pytest.fixture(scope="session")
def finished(tiny, tmp_path_factory):
    """A whole run: simulated inputs, covariates, models and maps."""
    workspace = Workspace(tmp_path_factory.mktemp("tiny") / "run")
    with Workers(SERIAL) as workers:
        return run(tiny, workspace, workers)
