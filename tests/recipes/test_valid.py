from pathlib import Path

import pytest
import yaml

from biomap_xr.grid import Grid
from biomap_xr.observations.table import check_species_lists
from biomap_xr.recipe import Recipe

pytestmark = pytest.mark.trust

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
    assert recipe.observations.tables[0].path.is_relative_to(tmp_path / "PresenceAbsenceSurveys")


FULL = ("europe_50m", "habitats_100m")


def inputs_of(value, name="") -> set[str]:
    """The texts of a recipe that are paths: they have a folder, and are no address or unit."""
    if isinstance(value, dict):
        return {path for key, each in value.items() for path in inputs_of(each, key)}
    if isinstance(value, list):
        return {path for each in value for path in inputs_of(each, name)}
    prose = ("title", "citation", "unit", "units", "crs")
    return {value} if isinstance(value, str) and "/" in value and name not in prose else set()


@pytest.fixture
def inputs():
    found = {}
    for name in FULL:
        recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
        assert recipe.pop("root") == "${BIOMAP_XR_DATA}"
        found[name] = {path.removeprefix("${BIOMAP_XR_DATA}/") for path in inputs_of(recipe)}
    return found


def test_the_full_runs_read_one_folder_in_one_layout(inputs):
    first, second = inputs.values()
    assert len(first) > 15
    assert len(second) > 55
    # A file of one name lies in one place.
    name = {Path(path).name: path for path in first}
    assert {path: name.get(Path(path).name, path) for path in second} == {p: p for p in second}
    assert {"plots/eva/header.csv", "vectors/land10m_europe.gpkg"} <= first & second


def test_every_input_of_the_full_runs_is_documented(inputs):
    lines = (RECIPES.parent / "docs" / "data.md").read_text().splitlines()
    rows = [line.split("|")[1:3] for line in lines if line.startswith("| `")]
    documented = {path.strip().strip("`"): needed.strip() for path, needed in rows}
    needed: dict[str, set[str]] = {}
    for number, name in enumerate(FULL, 1):
        for path in inputs[name]:
            predictor = path.startswith("EnvironmentalRasters/Predictors/")
            known = "EnvironmentalRasters/Predictors/{name}.tif" if predictor else path
            while known not in documented:
                known = str(Path(known).parent)
                assert known != ".", f"{path} of {name} is not in docs/data.md"
            needed.setdefault(known, set()).add(str(number))
    assert {path: ", ".join(sorted(numbers)) for path, numbers in needed.items()} == documented


def test_devices_and_downloads_are_no_matter_of_the_full_runs():
    for name in FULL:
        text = (RECIPES / f"{name}.yaml").read_text()
        assert "device" not in text
        assert "offline" not in text
