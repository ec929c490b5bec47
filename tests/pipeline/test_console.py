import json
import shutil

import pytest
import yaml
from tiny_run import TINY

from biomap_xr.virtual.simulate import MANIFEST


def test_the_report_of_a_run_without_maps_is_named_and_has_no_maps(copied, run_tiny):
    for name in ("species.zarr", "indicators.zarr"):
        shutil.rmtree(copied.root / name)
    found = run_tiny(copied, command="report")
    figures = copied.report / "metrics.json"
    assert found.status == 0
    assert f"report: {copied.report / 'index.html'}" in found.out
    assert f"figures: {figures}" in found.out
    said = json.loads(figures.read_text())
    assert said["map"]["this_run"] is None
    assert len(said["evaluation"]["models"]) == 6


def test_a_report_on_nothing(run_tiny, simulated):
    found = run_tiny(simulated, command="report")
    assert found.status == 3
    assert "run the recipe first" in found.err


@pytest.mark.parametrize("size", ["2", "2x", "ax2", "0x1", "-1x2", "2x2x2"])
def test_a_size_that_is_none(biomap, tmp_path, size):
    found = biomap("simulate", tmp_path / "out", "--tiles", size)
    assert found.status == 2
    assert f"--tiles '{size}' is no size; expected columns x rows, such as 2x2" in found.err
    assert not (tmp_path / "out").exists()


def test_a_simulated_europe_that_is_another(biomap, finished):
    found = biomap("simulate", finished.workspace.virtual, "--seed", "4")
    assert found.status == 3
    assert "holds another simulated Europe (seed is 3, wanted 4" in found.err
    assert (finished.workspace.virtual / MANIFEST).is_file()


def test_the_workspace_is_named_by_the_recipe(biomap, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(yaml.safe_dump({**yaml.safe_load(TINY.read_text()), "name": "mine"}))
    found = biomap("status", recipe)
    assert found.status == 4
    assert f"mine in {tmp_path / 'runs' / 'mine'}" in found.out
