from pathlib import Path

import pytest

from biomap_xr.grid import Grid
from biomap_xr.observations.table import check_species_lists
from biomap_xr.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"
NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_every_recipe_is_known(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BIOMAP_XR_DATA", str(tmp_path))
    recipe = Recipe.load(RECIPES / f"{name}.yaml")
    assert recipe.name == name
    assert recipe.title
    assert recipe.licence != "not stated"
    if recipe.observations is not None:
        check_species_lists(recipe.observations)


def test_europe_is_the_run_of_paper_1(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOMAP_XR_DATA", str(tmp_path))
    recipe = Recipe.load(RECIPES / "europe_50m.yaml").anchored(tmp_path / "run")
    grid = Grid.from_settings(recipe.grid)
    assert grid.geobox.shape == (92_000, 130_000)
    assert sum(1 for _ in grid.tiles()) == 260 * 184
    settings = recipe.species
    assert set(settings.modalities) == {"landsat", "climate", "sentinel2"}
    widths = {branch.encoder.widths for branch in settings.modalities.values()}
    assert widths == {(64, 128, 256, 512)}
    training = settings.training
    rates = (training.branches.learning_rate, training.ensemble.learning_rate)
    assert rates == (1e-4, 1e-5)
    assert (training.branches.batch, training.branches.weight_decay) == (32, 1e-2)
    assert training.by_modality["climate"].learning_rate == 1e-4
    period = recipe.covariates.sentinel2.period
    assert (period.start.isoformat(), period.end.isoformat()) == ("2021-03-21", "2021-12-01")
    assert recipe.observations.tables[0].path.is_relative_to(tmp_path / "europe")
