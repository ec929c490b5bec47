"""What does not fit is said before the work: the value, what was expected, what to do."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from tiny_run import TINY, changed, rewrite

from biomap_xr.cubes import digest_of
from biomap_xr.recipe import Recipe
from biomap_xr.species.artefact import load_model, save_model

pytestmark = pytest.mark.trust

ELEVATION = "rasters/predictors/elevation.tif"
LANDSAT = "rasters/landsat/landsat_2003_q2.tif"
CLIMATE = "rasters/climate/tas_2004.tif"
SURVEYS = "PresenceAbsenceSurveys/PA_metadata_train.csv"


def contents(place):
    """Every file of a folder but logs, hashes of the inputs and the inputs, by its digest."""
    return {
        path.relative_to(place.root).as_posix(): digest_of(path)
        for path in sorted(place.root.rglob("*"))
        if path.is_file()
        and path.name not in ("events.jsonl", ".biomap.lock", ".contents.sqlite")
        and "virtual" not in path.parts
    }


def untouched(place):
    """Nothing was made beside the inputs."""
    return set(contents(place)) == {"workspace.json"}


def damaged(path, change):
    """Write a table anew; the linked original stays."""
    table = pd.read_csv(path)
    path.unlink()
    change(table).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speices": 1}, ["speices: unknown key (given 1); remove it or mend its name"]),
        ({"species.training.branches.epohcs": 3}, ["branches.epohcs: unknown key (given 3)"]),
        ({"folds.block_m": -5}, ["folds.block_m: Input should be greater than 0 (given -5"]),
    ],
    ids=["top", "nested", "value"],
)
def test_a_recipe_that_cannot_be_meant(simulated, run_tiny, change, said):
    found = run_tiny(simulated, change)
    assert found.status == 2
    assert "is no valid recipe" in found.err
    assert all(each in found.err for each in said)
    assert untouched(simulated)


def test_a_missing_raster(simulated, run_tiny):
    (simulated.virtual / LANDSAT).unlink()
    found = run_tiny(simulated)
    assert found.status == 3
    assert "covariates: " in found.err
    assert "landsat_2003_q2.tif" in found.err
    assert untouched(simulated)


def test_all_problems_with_the_sources_are_told_at_once(simulated, run_tiny):
    for path in (LANDSAT, CLIMATE, ELEVATION):
        (simulated.virtual / path).unlink()
    found = run_tiny(simulated)
    assert found.status == 3
    assert "3 problems" in found.err
    assert all(name in found.err for name in ("landsat_2003_q2", "tas_2004", "elevation"))


def test_a_raster_without_crs(simulated, run_tiny):
    rewrite(simulated.virtual / ELEVATION, crs=None)
    found = run_tiny(simulated)
    assert found.status == 3
    assert "elevation.tif" in found.err
    assert "CRS" in found.err
    assert untouched(simulated)


def test_a_raster_in_the_wrong_crs_lies_elsewhere(simulated, run_tiny):
    rewrite(simulated.virtual / ELEVATION, crs="EPSG:32632")
    found = run_tiny(simulated)
    assert found.status == 3
    assert "EPSG:32632" in found.err
    assert "they do not meet: check the file and its CRS" in found.err
    assert untouched(simulated)


def test_a_raster_that_is_declared_as_aligned_and_is_not(simulated, run_tiny):
    path = simulated.virtual / ELEVATION
    aligned = {"covariates.predictors.variables.0.aligned": True}
    with_shift = Affine(100, 0, 4_000_037, 0, -100, 2_805_000)
    rewrite(path, transform=with_shift)
    found = run_tiny(simulated, aligned)
    assert found.status == 3
    assert "declared as aligned" in found.err
    assert "4000037" in found.err
    assert "resample the file, or set aligned to false" in found.err
    assert untouched(simulated)


def test_a_missing_band(simulated, run_tiny):
    rewrite(simulated.virtual / LANDSAT, lambda values: values[:5])
    found = run_tiny(simulated)
    assert found.status == 3
    assert "landsat_2003_q2.tif" in found.err
    assert "swir2" in found.err
    assert untouched(simulated)


def test_a_wrong_dtype(simulated, run_tiny):
    rewrite(simulated.virtual / LANDSAT, lambda values: values.astype("float32"), nodata=None)
    found = run_tiny(simulated)
    assert found.status == 3
    assert "landsat_2003_q2.tif holds float32; expected uint8" in found.err
    assert "convert it" in found.err
    assert untouched(simulated)


def test_sources_are_looked_at_also_where_covariates_are_there(copied, run_tiny):
    before = contents(copied)
    rewrite(copied.virtual / ELEVATION, crs=None)
    found = run_tiny(copied)
    assert found.status == 3
    assert "CRS" in found.err
    assert contents(copied) == before


def emptied(values, nodata):
    """The north-western tile without any value."""
    half = values.shape[-1] // 2
    values[..., :half, :half] = nodata
    return values


def test_a_tile_without_any_value_is_named(simulated, run_tiny):
    rewrite(simulated.virtual / ELEVATION, lambda values: emptied(values, np.nan))
    found = run_tiny(simulated, {"run": {"retries": 0}})
    assert found.status == 3
    assert "tile 2500mE40000N28025, group predictors: no land cell has a value" in found.err
    assert "correct them or the extent" in found.err
    assert not simulated.species.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named_with_its_tile(simulated, run_tiny, value):
    def spoil(values):
        values[0, 20, 20] = value
        return values

    # NaN is what the file declares as missing, unless it declares something else.
    rewrite(simulated.virtual / ELEVATION, spoil, nodata=-9999)
    no_selection = {"covariates.predictors.selection": None, "run": {"retries": 0}}
    found = run_tiny(simulated, no_selection)
    assert found.status == 3
    assert "2500mE40000N28025" in found.err
    assert f"elevation.tif: {value} at row" in found.err.replace("\n", " ")
    assert "declare it, or repair the file" in found.err.replace("\n", " ")
    assert not simulated.species.exists()


def test_a_missing_table_of_observations(simulated, run_tiny):
    (simulated.virtual / SURVEYS).unlink()
    found = run_tiny(simulated)
    assert found.status == 3
    assert "PA_metadata_train.csv" in found.err
    assert untouched(simulated)


def test_surveys_of_one_id_that_disagree(simulated, run_tiny):
    def move(table):
        table.loc[table.index[0], "lon"] += 0.01
        return table

    damaged(simulated.virtual / SURVEYS, move)
    found = run_tiny(simulated)
    assert found.status == 3
    assert "1 survey ids stand for several places or dates: 1000395" in found.err
    assert "disagreeing_surveys: keep" in found.err
    assert untouched(simulated)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "traits.csv"),
        (b"PK\x03\x04 a spreadsheet", "spreadsheet"),
        (b"", "is empty; expected a header and rows"),
        (b"species_id,other\n0,True\n", "woody"),
    ],
    ids=["missing", "spreadsheet", "empty", "column"],
)
def test_a_trait_table_that_cannot_be_read(simulated, run_tiny, content, said):
    path = simulated.virtual / "traits.csv"
    if content is not None:
        path.write_bytes(content)
    found = run_tiny(simulated, {"indicators.trees.path": "traits.csv"})
    assert found.status == 3
    assert "traits.csv" in found.err
    assert said in found.err
    assert untouched(simulated)


def test_a_workspace_of_another_recipe(copied, run_tiny):
    before = contents(copied)
    for command in ("run", "status", "report"):
        found = run_tiny(copied, {"name": "other"}, command)
        assert found.status == 3
        assert "it has tiny, this recipe has other" in found.err
        assert "--workspace" in found.err
    assert contents(copied) == before


def test_a_workspace_of_another_species_table(copied, run_tiny):
    before = contents(copied)
    damaged(copied.virtual / "species.csv", lambda table: table.iloc[:-1])
    found = run_tiny(copied, {"observations.species.unknown": "drop"})
    assert found.status == 3
    assert "made with another species: it has 40 species (" in found.err
    assert "this recipe has 39 species (" in found.err
    assert contents(copied) == before


def test_a_folder_of_foreign_files(simulated, run_tiny):
    (simulated.root / "workspace.json").unlink()
    found = run_tiny(simulated)
    assert found.status == 3
    assert "it holds virtual" in found.err
    assert not contents(simulated)


def test_a_workspace_that_is_a_file(biomap):
    for command in ("run", "status", "report"):
        found = biomap(command, TINY, "--workspace", TINY)
        assert found.status == 3
        assert "tiny.yaml is a file, expected a folder" in found.err


def test_a_workspace_where_nothing_can_be_written(biomap):
    found = biomap("run", TINY, "--workspace", "/proc/nowhere")
    assert found.status == 3
    assert "/proc/nowhere cannot be made" in found.err


def test_an_identity_that_cannot_be_read_is_corrupt(simulated, run_tiny):
    (simulated.root / "workspace.json").write_text('{"recipe": ')
    for command in ("run", "status"):
        found = run_tiny(simulated, command=command)
        assert found.status == 5
        assert "workspace.json cannot be read" in found.err


@pytest.mark.parametrize("name", ["model.safetensors", "card.json"])
def test_a_model_that_was_changed_is_corrupt(copied, run_tiny, name):
    path = copied.models / "species" / name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    before = contents(copied)
    found = run_tiny(copied)
    assert found.status == 5
    assert name in found.err
    assert contents(copied) == before


def test_a_model_of_other_data_is_not_taken_for_the_recipes_own(copied, run_tiny):
    place = copied.models / "species"
    other = load_model(place)
    other.card = other.card.model_copy(update={"data_fingerprint": "abcdef" * 8})
    save_model(other, place)
    before = contents(copied)
    found = run_tiny(copied)
    assert found.status == 3
    assert "a model of 40 species that was trained on other data or settings (abcdef" in found.err
    assert "move this one away" in found.err
    assert contents(copied) == before


def test_a_model_of_another_species_table_is_refused(copied, run_tiny):
    place = copied.models / "species"
    shutil.rmtree(place)
    shutil.copytree(copied.models / "branches" / "climate", place)
    card = json.loads((place / "card.json").read_text())
    # With checksums that fit, as another tool would write it.
    model = load_model(place)
    ids = (*card["species_id"][:-1], 999_999)
    update = {"species_id": ids, "data_fingerprint": ""}
    model.card = model.card.model_copy(update=update)
    save_model(model, place)
    found = run_tiny(copied)
    assert found.status == 3
    assert "none named" in found.err


def test_a_missing_model_is_trained_again(copied, tiny, run_tiny):
    weights = copied.models / "species" / "model.safetensors"
    before = digest_of(weights)
    shutil.rmtree(weights.parent)
    assert run_tiny(copied).status == 0
    assert digest_of(weights) == before


def test_another_training_makes_the_maps_again_in_the_same_workspace(copied, run_tiny):
    before = digest_of(copied.models / "species" / "model.safetensors")
    found = run_tiny(copied, {"species.training.ensemble.epochs": 1})
    assert found.status == 0, found.err
    assert digest_of(copied.models / "species" / "model.safetensors") != before


def test_changes_are_made_where_they_are_meant():
    assert changed({"a": [{"b": 1}]}, {"a.0.b": 2}) == {"a": [{"b": 2}]}
    assert Recipe.load(TINY).name == "tiny"
