import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import group_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.fitting import fit_learner
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import ForestSettings
from biomap_xr.habitats.ensemble.settings import SelectionSettings, VoteSettings
from biomap_xr.habitats.ensemble.training import Observations, Options, train_formation

FAST = {"rf": ForestSettings(trees=4, imbalance="none"), "wrf": ForestSettings(trees=4)}


def test_voters_are_learners_times_folds(trained):
    ensemble, validation = trained.ensemble, trained.validation
    assert ensemble.classes == ("R11", "R1A", "R22", "R51")
    assert len(ensemble.voters) == 3 * len(validation.chosen)
    families = [voter.learner.family for voter in ensemble.voters if voter.fold == 0]
    assert sorted(families) == ["bagging", "boosting", "perceptron"]
    assert sum(ensemble.weights.values()) == pytest.approx(1)
    best = max(ensemble.weights, key=lambda name: ensemble.weights[name])
    assert np.nanmean(validation.scores[best]) == max(
        np.nanmean(validation.scores[name]) for name in validation.chosen
    )


def test_a_plot_is_scored_only_by_voters_that_never_saw_its_block(
    trained, observations, plots_table, members
):
    validation = trained.validation
    for fold in range(3):
        held_out = observations.folds.fold == fold
        seen = observations.rows.select(~held_out)
        forest = fit_learner("wrf", members["wrf"], plots_table, seen)
        alone = trained.ensemble.of_fold(fold)
        place = alone.learners.index("wrf")
        values = observations.rows.values[held_out]
        np.testing.assert_array_equal(
            alone.voters[place].learner.predict_proba(values), forest.predict_proba(values)
        )
        votes = np.array([voter.learner.predict_proba(values) for voter in alone.voters])
        weights = np.array([trained.ensemble.weights[name] for name in alone.learners])
        expected = np.tensordot(weights, votes, axes=1)
        np.testing.assert_allclose(validation.probability[held_out], expected, atol=1e-6)


def test_random_labels_score_like_chance_out_of_fold(plots_table, observations):
    rng = np.random.default_rng(5)
    shuffled = Rows(observations.rows.values, rng.permutation(observations.rows.codes))
    trained = train_formation(
        "R", Observations(shuffled, observations.folds), plots_table, FAST, Options()
    )
    assert abs(np.nanmean(trained.validation.ensemble_scores)) < 0.12


def test_the_signal_is_learnt(trained):
    assert np.nanmean(trained.validation.ensemble_scores) > 0.4
    assert (trained.validation.predicted == trained.validation.codes).mean() > 0.6


def test_classes_of_one_fold_are_listed_and_left_out_of_its_score(plots_table):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 4)).astype(np.float32)
    values[:, 3] = rng.integers(1, 3, 120)
    codes = np.where(values[:, 0] > 0, "R11", "R22").astype("U3")
    group = np.arange(120) % 6
    codes[group == 2] = "R51"
    label = np.unique(codes, return_inverse=True)[1]
    folds = group_folds(group, label, 3, BlockSettings(folds=3))
    rows = Rows(values, codes)
    trained = train_formation("R", Observations(rows, folds), plots_table, FAST, Options())
    validation = trained.validation
    np.testing.assert_array_equal(validation.learnt, codes != "R51")
    record = validation.record()
    assert record["classes_not_in_training"] == ["R51"]
    assert record["rows_of_classes_not_in_training"] == 20
    # The voters of the other folds know it, and it is mapped.
    assert trained.ensemble.known[:, 2].sum() == 2 * len(validation.chosen)
    assert np.isfinite(validation.ensemble_scores).all()
    json.dumps(trained.ensemble.facts, allow_nan=False)


def test_nested_choice_does_not_look_at_the_fold(plots_table, observations):
    options = Options(selection=SelectionSettings(nested=True))
    nested = train_formation("R", observations, plots_table, FAST, options).validation
    assert nested.nested
    assert "nested" in nested.note
    assert all(len(names) == 1 for names in nested.chosen_by_fold)
    # What is chosen for a fold does not change with the labels of the fold.
    for fold in range(3):
        codes = observations.rows.codes.copy()
        held_out = observations.folds.fold == fold
        codes[held_out] = np.random.default_rng(1).permutation(codes[held_out])
        other = Observations(Rows(observations.rows.values, codes), observations.folds)
        again = train_formation("R", other, plots_table, FAST, options).validation
        assert again.chosen_by_fold[fold] == nested.chosen_by_fold[fold]
        np.testing.assert_array_equal(again.probability[held_out], nested.probability[held_out])


def test_without_nesting_the_report_says_so(trained):
    assert trained.validation.record()["note"].startswith("not nested")
    assert set(trained.validation.chosen_by_fold) == {trained.validation.chosen}


def test_equal_weights_are_equal(plots_table, observations):
    options = Options(vote=VoteSettings(weights="equal"), selection=SelectionSettings(keep="all"))
    trained = train_formation("R", observations, plots_table, FAST, options)
    assert set(trained.ensemble.weights.values()) == {0.5}


def test_no_learner_is_said(plots_table, observations):
    with pytest.raises(InputError, match="formation R: no learner is offered"):
        train_formation("R", observations, plots_table, {}, Options())


@pytest.mark.skipif(
    "BIOMAP_XR_DATA" not in os.environ, reason="set BIOMAP_XR_DATA to the data folder"
)
def test_random_folds_flatter_and_polygons_and_regions_do_not():
    path = Path(os.environ["BIOMAP_XR_DATA"], "s2", "german_pixels", "pixels.csv.gz")
    pixels = pd.read_csv(path)
    # Every region numbers its polygons from 1.
    pixels["polygon"] = pixels["Region"] + pixels["ID"].astype(str)
    pixels = pixels.groupby("polygon").head(40).reset_index(drop=True)
    bands = [name for name in pixels if name.startswith(("B", "NDVI"))]
    names = np.unique(pixels["Label"])
    codes = dict(
        zip(names, [f"R{level}{each}" for level in (1, 2) for each in range(1, 6)], strict=True)
    )
    rows = Rows(
        pixels[bands].to_numpy(np.float32), pixels["Label"].map(codes).to_numpy().astype(str)
    )
    label = np.unique(rows.codes, return_inverse=True)[1]
    table = FeatureTable(features=tuple(Feature(name=name) for name in bands))
    settings = BlockSettings()
    schemes = {
        "random": group_folds(np.arange(len(label)), label, 10, settings),
        "polygon": group_folds(pixels["polygon"].to_numpy(), label, 10, settings),
        "region": group_folds(pixels["Region"].to_numpy(), label, 10, BlockSettings(folds=3)),
    }
    accuracy = {}
    for name, folds in schemes.items():
        observed = Observations(rows, folds)
        trained = train_formation("R", observed, table, {"rf": ForestSettings(trees=15)}, Options())
        accuracy[name] = (trained.validation.predicted == rows.codes).mean()
    for name in ("polygon", "region"):
        column = {"polygon": "polygon", "region": "Region"}[name]
        frame = pd.DataFrame({"group": pixels[column], "fold": schemes[name].fold})
        assert (frame.groupby("group")["fold"].nunique() == 1).all()
    # Published with all pixels: .978 at random, .670 by region.
    assert accuracy["random"] > 0.93
    assert accuracy["region"] < accuracy["polygon"] < accuracy["random"]
    assert accuracy["region"] < 0.75
