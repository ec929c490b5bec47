import numpy as np
from tiny_run import filling_of

from biomap_xr.habitats.ensemble.artefact import load_ensemble
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.predictors import feature_table, plot_predictors
from biomap_xr.programs.external import said_by


def rows_of(environment):
    recipe = environment.recipe.anchored(environment.workspace.root)
    table = feature_table(recipe, recipe.habitats.by_environment)
    plots = Observer(recipe, environment.workspace).plots.plots
    return plot_predictors(plots, recipe, table, filling_of(environment.workspace))


def test_all_voters_speak_of_external_plots(environment):
    model = environment.formations[2]
    ensemble = load_ensemble(model.folder)
    plots = rows_of(environment).with_classes("T", model.codes)
    said = said_by(ensemble, plots.values)
    assert set(said) == {"ensemble", "wrf", "lgbm"}
    votes = ensemble.probabilities(plots.values)
    forest = np.array([name == "wrf" for name in ensemble.learners])
    assert forest.sum() == 3
    # Every class was in every fold's training here, so that all voters count for all of them.
    assert ensemble.known.all()
    np.testing.assert_allclose(said["wrf"], votes[forest].mean(axis=0), atol=1e-6)
    joined = np.tensordot(ensemble.voter_weights, votes, axes=1)
    np.testing.assert_allclose(said["ensemble"], joined, atol=1e-6)


def test_no_external_plot_of_a_formation_is_no_error(environment):
    model = environment.formations[0]
    plots = rows_of(environment).with_classes("N", ())
    said = said_by(load_ensemble(model.folder), plots.values)
    assert said["ensemble"].shape == (0, len(model.codes))


def test_one_learner_is_an_ensemble_of_its_folds(environment):
    ensemble = load_ensemble(environment.formations[1].folder)
    alone = ensemble.of_learner("lgbm")
    assert alone.learners == ("lgbm",) * 3
    assert alone.voter_weights.sum() == 1
