import json

import numpy as np
import pytest

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.observations.reading import observe

RUNS = {"montpellier": (498, 9), "montpellier_po": (10, 43)}
"""Species, and blocks that hold the scored sites."""


def measures_of(workspace):
    """The scores of every model, as the report keeps them."""
    figures = json.loads((workspace.report / "metrics.json").read_text())
    return {model["model"]: model["measures"] for model in figures["evaluation"]["models"]}


@pytest.mark.parametrize("name", RUNS)
def test_the_hold_out_auc_has_an_interval(finished, name):
    found = measures_of(finished(name).workspace)
    assert set(found) == {"Predictors", "All"}
    for measures in found.values():
        auc = measures["AUC"]
        assert 0.5 < auc["value"] < 1
        assert 0 < auc["low"] < auc["high"] < 1
        assert auc["blocks"] == RUNS[name][1]
        assert auc["used"] <= RUNS[name][0]


@pytest.mark.parametrize("name", RUNS)
def test_the_maps_cover_the_land_that_has_a_climate(finished, name):
    run = finished(name)
    species = open_cube(run.workspace.species)
    assert species.sizes["species"] == RUNS[name][0]
    assert run.maps.status == 0
    valid = species["valid"].to_numpy() == 1
    land = open_cube(run.workspace.covariates, "masks")["land"].to_numpy() == 1
    layers = open_cube(run.workspace.covariates, "predictors")["predictors"]
    climate = np.isfinite(layers.to_numpy()).all(axis=0)
    assert (valid[land] == climate[land]).all()
    assert valid[land].mean() > 0.95
    richness = open_cube(run.workspace.indicators)["expected"].sel(indicator="richness")
    assert (np.isfinite(richness.to_numpy()) == valid).all()
    assert 0 < float(richness.mean()) < RUNS[name][0] / 2


def test_the_report_says_what_a_model_was_trained_on(finished):
    places = [finished(name).workspace.report / "metrics.json" for name in RUNS]
    summaries = [json.loads(place.read_text())["summary"] for place in places]
    assert [summary["Trained on"] for summary in summaries] == ["surveys alone", "records alone"]


def test_the_layers_are_in_the_units_that_the_recipe_states(finished):
    layers = open_cube(finished("montpellier").workspace.covariates, "predictors")["predictors"]
    means = layers.mean(["y", "x"]).to_numpy()
    # Annual mean in degrees, daily range in K, isothermality in %, deviation of the months in K.
    np.testing.assert_array_less([8, 5, 25, 4], means)
    np.testing.assert_array_less(means, [16, 10, 37, 7])


def test_the_two_species_tables_are_never_merged(finished):
    surveys, records = (finished(name).recipe for name in RUNS)
    both = surveys.observations.model_copy(
        update={"tables": surveys.observations.tables + records.observations.tables}
    )
    with pytest.raises(InputError, match="ids of different lists would be merged"):
        observe(both, Grid.from_settings(surveys.grid))
    # GeoPlant numbers its species without naming them, the records name theirs.
    numbers, names = (finished(name).model.card.species for name in RUNS)
    assert all(number.isdigit() for number in numbers)
    assert "Mentha suaveolens" in names
    assert finished("montpellier_po").model.card.species_id == tuple(range(10))
