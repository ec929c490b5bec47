import json
import logging
import shutil

import pytest
import yaml
from tiny_run import TINY

from biomap_xr.virtual.simulate import MANIFEST


def test_a_finished_run_says_where_everything_is_and_what_to_do_next(finished, run_tiny):
    place = finished.workspace
    found = run_tiny(place)
    assert found.status == 0
    assert "tiny: finished in" in found.out
    assert f"model: {place.models / 'species'} (40 species)" in found.out
    assert f"species: {place.species}" in found.out
    assert f"indicators: {place.indicators}" in found.out
    assert "map: 4 tiles," in found.out
    assert "lost to the storage floor and rounding" in found.out
    assert f"xarray.open_zarr('{place.indicators}')" in found.out
    assert "next: biomap report" in found.out
    assert "set aside" not in found.out


def test_what_a_run_does_is_logged_in_plain_text(copied, run_tiny):
    shutil.rmtree(copied.root / "receipts" / "maps")
    found = run_tiny(copied)
    assert found.status == 0
    assert "INFO maps: 4 tiles to do, 0 done before" in found.err
    assert "INFO maps: 4 of 4 tiles in" in found.err
    # Colours and a moving bar are for terminals.
    assert "\x1b" not in found.err + found.out
    events = (copied.root / "events.jsonl").read_text()
    assert events.count('"written"') == 4
    assert logging.getLogger("biomap_xr").level == logging.INFO


def test_a_tile_that_cannot_be_mapped_is_set_aside_and_the_others_are_there(copied, run_tiny):
    for receipt in (copied.root / "receipts" / "maps").glob("*.json"):
        receipt.unlink()
    (tile,) = copied.species.glob("probability/c/0/1/1")
    tile.unlink()
    # A folder in the place of the shard: nothing can be published under its name.
    tile.mkdir()
    (tile / "in the way").touch()
    found = run_tiny(copied, {"run": {"retries": 0}})
    assert found.status == 4
    assert "set aside: 1 tiles" in found.out
    assert "2500mE40025N28000: " in found.out
    assert "mend their inputs and run the recipe again" in found.out
    assert "map: 3 tiles," in found.out
    assert run_tiny(copied, command="status").status == 4
    shutil.rmtree(tile)
    assert run_tiny(copied).status == 0
    assert run_tiny(copied, command="status").status == 0


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
