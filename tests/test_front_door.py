"""The names of the package itself, as a notebook uses them: strings are paths."""

import pytest
from tiny_run import SERIAL_FILE, TINY

import biomap_xr
from biomap_xr.errors import RecipeError


def test_its_names_are_there_and_few():
    assert set(dir(biomap_xr)) == set(biomap_xr.__all__)
    assert len(biomap_xr.__all__) <= 12
    assert all(callable(getattr(biomap_xr, name)) for name in biomap_xr.__all__)


def test_a_finished_run_is_opened_assessed_and_predicted_by_strings(finished):
    root = str(finished.workspace.root)
    cubes = biomap_xr.open(root)
    assert {"species", "indicators", "habitats/by_species"} <= set(cubes)
    species = biomap_xr.open_cube(f"{root}/species.zarr").load()
    assert species.equals(cubes["species"].load())
    lists = {"first": species.species.values[:2].tolist()}
    assessed = biomap_xr.assess(species, lists)
    assert float(assessed["expected"].max()) <= 2
    lazy = biomap_xr.predict(f"{root}/models/species", f"{root}/covariates.zarr")
    assert lazy.sizes == species.sizes


def test_a_recipe_is_loaded_and_run_by_strings(finished, capsys):
    assert biomap_xr.Recipe.load(str(TINY)).name == "tiny"
    root = str(finished.workspace.root)
    assert biomap_xr.run_recipe(str(TINY), str(SERIAL_FILE), root) == 0
    assert "tiny: finished" in capsys.readouterr().out
    with pytest.raises(RecipeError, match=r"nowhere\.yaml cannot be read"):
        biomap_xr.run_recipe("nowhere.yaml")
