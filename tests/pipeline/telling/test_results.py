import shutil

import numpy as np
import pytest
from made_habitats import CODES, make_by_environment, make_ensemble, make_species_model, recipe

from biomap_xr.errors import InputError
from biomap_xr.habitats.legend import legend_of
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.pipeline.telling.results import HabitatResults, environment, validation_of
from biomap_xr.pipeline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "run")


def test_an_empty_workspace_has_nothing(workspace):
    run = HabitatResults(recipe(), workspace)
    assert (run.by_species, run.formations, run.mapped) == ((), (), ())
    assert run.card is None
    assert run.ensemble_card("R") is None
    assert run.curation is None
    assert run.truth is None
    assert run.legend.entries[0].code == "URBAN"


def test_scores_are_held_out_plots_first(workspace):
    make_species_model(workspace, 40)
    make_ensemble(workspace, "T", 30)
    run = HabitatResults(recipe(), workspace)
    assert [each.where for each in run.by_species] == ["held-out plots", "dikes"]
    assert run.card.habitats == CODES
    (formation,) = run.formations
    assert formation.code == "T"
    assert [each.where for each in formation.validations] == ["held-out plots", "Netherlands"]
    assert run.ensemble_card("T")["weights"] == {"wrf": 0.6, "wxgb": 0.4}


def test_a_model_that_says_nothing_is_left_out():
    scores = HabitatScores(
        codes=("R22",),
        labels=(("R22",),),
        block=np.array(["a"]),
        probability={"silent": np.full((1, 1), np.nan, np.float32), "one": np.ones((1, 1))},
        row=np.zeros(1, np.int64),
        column=np.zeros(1, np.int64),
        notes={"one": "said"},
    )
    (model,) = validation_of("plots", scores).models
    assert (model.name, model.note) == ("one", "said")


def test_the_recipes_legend_goes_before_the_rules(workspace, tmp_path):
    made = recipe()
    make_by_environment(made, workspace, "T")
    path = tmp_path / "legend.csv"
    text = legend_of(["T17"], {"T17": "Beech"}).only(["T17"]).to_csv()
    path.write_text(text.replace("#327536", "#ff0000"))
    rules = made.habitats.rules.model_copy(update={"legend": path})
    habitats = made.habitats.model_copy(update={"rules": rules})
    run = HabitatResults(made.model_copy(update={"habitats": habitats}), workspace)
    assert run.mapped == ("T",)
    assert run.codes(environment("T")) == ("T17", "T1B", "T1E", "T31", "T35")
    assert run.drawing.colours[7107] == "#ff0000"
    assert run.names["T17"] == "T17 - Beech"
    assert run.names["T31"] == "T31"


def test_a_torn_file_of_scores_is_named(workspace):
    make_species_model(workspace, 40)
    place = workspace.models / "habitats" / "by_species" / "scores.zarr" / "plots"
    shutil.rmtree(place / "probability")
    with pytest.raises(InputError, match="holds no scores 'plots'"):
        _ = HabitatResults(recipe(), workspace).by_species


def asking(**changes):
    habitats = recipe().habitats.model_copy(update=changes)
    return recipe().model_copy(update={"habitats": habitats})


def test_what_the_recipe_no_longer_asks_for_is_not_said(workspace):
    make_species_model(workspace, 40)
    for formation in ("R", "T"):
        make_ensemble(workspace, formation, 30)
        make_by_environment(recipe(), workspace, formation)
    made = recipe()
    forests = made.habitats.by_environment.model_copy(update={"formations": ("T",)})
    dikes = {"dikes": made.habitats.external["dikes"]}
    run = HabitatResults(asking(by_environment=forests, external=dikes), workspace)
    assert run.wanted == run.mapped == ("T",)
    assert [each.where for each in run.by_species] == ["held-out plots", "dikes"]
    (formation,) = run.formations
    assert formation.code == "T"
    assert [each.where for each in formation.validations] == ["held-out plots"]
    none = HabitatResults(asking(by_environment=None), workspace)
    assert (none.formations, none.mapped) == ((), ())
    assert HabitatResults(asking(by_species=None), workspace).by_species == ()


def test_external_data_never_stand_for_the_plots(workspace):
    """A training that was killed has scores of external data and none of its plots."""
    make_species_model(workspace, 40)
    make_ensemble(workspace, "T", 30)
    for model in ("by_species", "by_environment/T"):
        (workspace.models / "habitats" / model / "scores.zarr" / "plots" / "zarr.json").unlink()
    run = HabitatResults(recipe(), workspace)
    assert (run.by_species, run.formations) == ((), ())
