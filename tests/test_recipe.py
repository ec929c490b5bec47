from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import RecipeError
from biomap_xr.recipe import NAME, Recipe

pytestmark = pytest.mark.trust

SMALLEST = {
    "name": "smallest",
    "observations": {"tables": [{"path": "records.csv", "kind": "record"}]},
}
PLOTS = {"kind": "plantbert", "species": "species.csv", "header": "header.csv"}
WORLD = {"tile": 2500, "tiles": {"columns": 3, "rows": 1}}


@pytest.fixture
def load(tmp_path):
    """Write a recipe and load it."""

    def loaded(values):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(values))
        return Recipe.load(path)

    return loaded


def test_a_name_and_observations_are_enough(load):
    recipe = load(SMALLEST)
    assert (recipe.name, recipe.covariates, recipe.simulate) == ("smallest", None, None)
    assert recipe.grid.resolution == 50
    assert recipe.observations.tables[0].path == Path("records.csv")


def test_every_problem_is_told_at_once_with_its_place_and_value(load):
    wrong = {"name": "a/b", "folds": {"block_m": -1}, "colour": "red", "maps": {"flor": 0.1}}
    with pytest.raises(RecipeError) as said:
        load(wrong)
    lines = str(said.value).splitlines()
    assert "recipe.yaml is no valid recipe:" in lines[0]
    assert "  name: 'a/b' cannot name a folder; use letters" in "\n".join(lines)
    assert "  folds.block_m: Input should be greater than 0 (given -1)" in lines
    assert "  colour: unknown key (given 'red'); remove it or mend its name" in lines
    assert "  maps.flor: unknown key (given 0.1); remove it or mend its name" in lines
    assert said.value.status == 2


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "observations: Field required where no habitats are asked for"),
        ({"habitats": {"by_species": {}}}, "there are no plots to train them on"),
        (
            {"plots": {"tables": [PLOTS]}, "habitats": {"by_species": {}}},
            "'species_blocks' without a mapped species model; take 'folds'",
        ),
    ],
)
def test_sections_that_need_each_other(load, sections, message):
    with pytest.raises(RecipeError, match=message):
        load({"name": "wrong", **sections})


def test_habitats_need_no_species_model(load):
    habitats = {"by_species": {}, "held_out": "folds"}
    recipe = load({"name": "dikes", "plots": {"tables": [PLOTS]}, "habitats": habitats})
    assert recipe.observations is None
    assert recipe.habitats.by_species.k == 50


@given(st.from_regex(NAME, fullmatch=True))
def test_a_name_never_leaves_its_folder(name):
    assert (Path("runs") / name).resolve().parent == Path("runs").resolve()


def test_the_grid_of_a_simulated_europe_is_its_own(load):
    recipe = load({**SMALLEST, "simulate": WORLD})
    assert recipe.grid == recipe.simulate.grid_settings()
    assert recipe.grid.extent.x_max - recipe.grid.extent.x_min == 7500


def test_another_grid_than_the_simulated_one_is_refused(load):
    grid = {"extent": {"x_min": 0, "y_min": 0, "x_max": 25000, "y_max": 25000}}
    with pytest.raises(RecipeError, match=r"is not the simulated Europe's.*leave the section grid"):
        load({**SMALLEST, "simulate": WORLD, "grid": grid})


def test_relative_paths_start_at_the_recipe(load, tmp_path):
    anchored = load(SMALLEST).anchored(tmp_path / "run")
    assert anchored.root == tmp_path
    assert anchored.observations.tables[0].path == tmp_path / "records.csv"


def test_relative_paths_start_at_the_simulated_europe(load, tmp_path):
    values = {**SMALLEST, "simulate": WORLD, "covariates": {"landsat": {}}}
    anchored = load(values).anchored(tmp_path / "run")
    assert anchored.observations.tables[0].path == tmp_path / "run" / "virtual" / "records.csv"
    assert anchored.covariates.root == tmp_path / "run" / "virtual"


def test_absolute_paths_stay(load, tmp_path):
    tables = [{"path": "/data/records.csv", "kind": "record"}]
    recipe = load({"name": "x", "root": "/elsewhere", "observations": {"tables": tables}})
    anchored = recipe.anchored(tmp_path)
    assert anchored.observations.tables[0].path == Path("/data/records.csv")
    assert anchored.root == Path("/elsewhere")


def test_anchoring_twice_changes_nothing(load, tmp_path):
    once = load({**SMALLEST, "covariates": {"climate": {}}}).anchored(tmp_path)
    assert once.anchored(tmp_path / "other") == once


def test_the_environment_is_read_anywhere_in_a_recipe(load, monkeypatch):
    monkeypatch.setenv("PLACE", "/data")
    tables = [{"path": "${PLACE}/a.csv", "kind": "record"}]
    recipe = load({"name": "x", "title": "of ${PLACE}", "observations": {"tables": tables}})
    assert recipe.observations.tables[0].path == Path("/data/a.csv")
    assert recipe.title == "of /data"


def test_a_variable_that_is_not_set_is_named(load, monkeypatch):
    monkeypatch.delenv("PLACE", raising=False)
    with pytest.raises(RecipeError, match=r"environment variable PLACE.*export PLACE="):
        load({**SMALLEST, "root": "${PLACE}"})


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read: Is a directory; give a recipe's path"):
        Recipe.load(tmp_path)
