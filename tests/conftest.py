"""Finished runs of tiny simulated Europes, shared by all tests that look at one."""

import logging
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from filelock import FileLock
from hypothesis import HealthCheck, settings
from scipy.sparse import csr_array

sys.path.insert(0, str(Path(__file__).parent / "pipeline"))

from tiny_run import ENVIRONMENT, SERIAL, SERIAL_FILE, TINY, changed, cloned, linked

from biomap_xr.__main__ import main
from biomap_xr.observations.plot_settings import FURTHER
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def tiny():
    return Recipe.load(TINY)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """``made_once(name, make)``: a folder that ``make(folder)`` fills once for all processes of
    pytest-xdist. Others read it at the same time, so nobody writes there."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name, make):
        place, done = shared / name, shared / f"{name}.made"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                # A maker that failed in another process may have left a part.
                shutil.rmtree(place, ignore_errors=True)
                make(place)
                done.touch()
        return place

    return folder


@pytest.fixture(scope="session")
def run_once(made_once, tmp_path_factory):
    """``run_once(recipe)``: what a run left, in a copy for this process, which trains nothing."""

    def again(recipe, root):
        with Workers(SERIAL) as workers:
            return run(recipe, Workspace(root), workers)

    def finish(recipe):
        made = made_once(f"run_{recipe.name}", lambda root: again(recipe, root))
        return again(recipe, cloned(Workspace(made), tmp_path_factory.mktemp("own") / "run").root)

    return finish


@pytest.fixture(scope="session")
def finished(tiny, run_once):
    """A whole run: simulated inputs, covariates, models and maps."""
    return run_once(tiny)


@pytest.fixture(scope="session")
def environment(run_once):
    """A whole run of habitats from the environment, with its products."""
    return run_once(Recipe.load(ENVIRONMENT))


@pytest.fixture
def environment_copy(environment, tmp_path):
    """A finished workspace of such a run; only the files of the simulated Europe are linked."""
    return cloned(environment.workspace, tmp_path / "run")


@pytest.fixture
def simulated(finished, tmp_path):
    """A workspace in which nothing but the simulated Europe is there, its files linked."""
    return linked(finished.workspace, tmp_path / "run", "virtual")


@pytest.fixture
def copied(finished, tmp_path):
    """A finished workspace to be tampered with; the files of the simulated Europe are linked."""
    return cloned(finished.workspace, tmp_path / "run")


class Said(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def biomap(monkeypatch, capfd):
    """The command line in this process."""
    handlers, level = logging.root.handlers[:], logging.root.level
    ours = logging.getLogger("biomap_xr").level

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["biomap", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        found = capfd.readouterr()
        assert "Traceback" not in found.err
        return Said(left.value.code or 0, found.out, found.err)

    yield call
    # The command line sets up logging for a process of its own.
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.getLogger("biomap_xr").setLevel(ours)


@pytest.fixture
def run_tiny(biomap, tmp_path):
    """Run the tiny recipe with some changes, given by their places: ``{"grid.crs": ...}``."""

    def call(workspace, changes=None, command="run"):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(changed(yaml.safe_load(TINY.read_text()), changes or {})))
        cluster = ["--cluster", SERIAL_FILE] if command == "run" else []
        return biomap(command, path, *cluster, "--workspace", workspace.root)

    return call


@pytest.fixture(scope="session")
def make_plots():
    """Make plots of dicts of species and cover, one each; what is not given is unknown."""

    def make(*covers, **fields):
        species = tuple(sorted({name for plot in covers for name in plot}))
        matrix = np.array([[plot.get(name, 0) for name in species] for plot in covers], np.float32)
        count = len(covers)
        names = np.array(fields.pop("plot_id", [f"p{i}" for i in range(count)]), object)
        header = pd.DataFrame(fields.pop("header", {}), index=range(count)).reindex(
            columns=list(FURTHER)
        )
        return Plots(
            plot_id=names,
            cover=csr_array(matrix.reshape(count, len(species))),
            species=species,
            labels=tuple(map(tuple, fields.pop("labels", [()] * count))),
            longitude=np.array(fields.pop("longitude", [np.nan] * count), float),
            latitude=np.array(fields.pop("latitude", [np.nan] * count), float),
            site=np.array(fields.pop("site", names), object),
            header=header,
            **fields,
        )

    return make
