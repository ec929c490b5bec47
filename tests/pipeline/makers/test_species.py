import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from tiny_run import SERIAL

from biomap_xr import fitting
from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import digest_of
from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations import Sites
from biomap_xr.observations.reading import observe
from biomap_xr.pipeline.makers import species
from biomap_xr.pipeline.makers.species import Lesson, _given, _train_all, prepare
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.scores import Scores
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.stages.species import SpeciesTraining
from biomap_xr.pipeline.workers import Workers
from biomap_xr.recipe import Recipe
from biomap_xr.species.artefact import fingerprint, load_model

EDITION = {
    "sentinel2": "SatelliteData/Sentinel2Patches-jpeg",
    "landsat": "TimeSeries/Landsat",
    "climate": "TimeSeries/Bioclim",
}
MODALITIES = ("sentinel2", "landsat", "climate")
NAMES = np.full(4, "", object)


def sites_of(surveyed, background, presence, survey_presence):
    """Four sites of three species."""
    return Sites(
        cells=Cells(np.arange(4), np.arange(4)),
        year=np.full(4, 2021, np.int16),
        day=np.zeros(4, np.int16),
        survey_id=NAMES,
        patch_id=NAMES,
        time_series_id=NAMES,
        surveyed=np.array(surveyed),
        background=np.array(background),
        presence=csr_array(np.array(presence, np.uint8)),
        survey_presence=csr_array(np.array(survey_presence, np.uint8)),
        species=pd.DataFrame({"species_id": [7, 3, 5], "species": ["a", "b", "c"]}),
    )


@pytest.fixture
def mixed():
    """Two surveys, a record beside one of them, a cell of the background."""
    sites = sites_of(
        [True, True, False, False],
        [False, False, False, True],
        [[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]],
    )
    roles = Roles(
        np.array([0, 2]), np.array([1]), np.array([], int), np.array([3]), np.array([], int)
    )
    return Lesson(sites, {}, roles)


def test_surveys_alone_leave_records_out(mixed):
    found = mixed.samples("surveys")
    assert found.roles.train.tolist() == [0]
    assert found.presence.toarray().tolist() == mixed.sites.survey_presence.toarray().tolist()
    assert found.species.ids == (7, 3, 5)


def test_all_sites_count_what_anybody_saw(mixed):
    found = mixed.samples("all")
    assert found.roles.train.tolist() == [0, 2]
    assert found.presence.toarray()[1].tolist() == [0, 1, 1]


def test_scores_are_computed_on_surveys(mixed):
    assert mixed.scored.tolist() == [True, True, False, False]
    assert mixed.scored_of(np.array([3, 1, 2])).tolist() == [1]
    assert mixed.found.toarray()[1].tolist() == [0, 1, 0]


def test_without_surveys_records_stand_against_their_target_group():
    nothing = np.zeros((4, 3), int)
    sites = sites_of(
        [False] * 4,
        [False, False, False, True],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]],
        nothing,
    )
    every = np.arange(4)
    lesson = Lesson(sites, {}, Roles(every, every, every, every, every))
    assert lesson.scored.tolist() == [True, True, True, False]
    assert lesson.found.toarray().tolist() == sites.presence.toarray().tolist()


@pytest.fixture(scope="module")
def lesson(finished, tiny, tmp_path_factory):
    """What the tiny run was trained on, cut from its cube again."""
    place, recipe = finished.workspace, tiny.anchored(finished.workspace.root)
    grid = Grid.from_settings(recipe.grid)
    sites, _ = observe(recipe.observations, grid)
    covariates = Covariates.open(place.covariates, grid)
    return prepare(recipe, sites, covariates, tmp_path_factory.mktemp("windows"))


def test_inputs_are_those_of_the_models_modalities(lesson, finished):
    shapes = {name: values.shape[1:] for name, values in lesson.inputs.items()}
    kept = len(finished.model.card.normalisation["predictors"].mean)
    assert shapes == {
        "sentinel2": (4, 64, 64),
        "landsat": (6, 4, 21),
        "climate": (4, 19, 12),
        "predictors": (kept,),
    }
    assert {len(values) for values in lesson.inputs.values()} == {len(lesson.sites)}


def test_no_block_is_in_two_roles(lesson, tiny):
    grid = Grid.from_settings(tiny.grid)
    points = grid.centres_of(lesson.sites.cells)
    block = (points.x // 500).astype(int) * 100_000 + (points.y // 500).astype(int)
    parts = [set(block[role]) for role in lesson.roles.indices().values() if len(role)]
    assert len(parts) >= 4
    assert sum(map(len, parts)) == len(set().union(*parts))


def test_scores_are_those_of_the_held_out_surveys(lesson, finished):
    scores = Scores.read(finished.workspace.models)
    test = lesson.scored_of(lesson.roles.test)
    assert lesson.sites.surveyed[test].all()
    np.testing.assert_array_equal(scores.row, lesson.sites.cells.row[test])
    found = lesson.sites.survey_presence[test].toarray().astype(bool)
    np.testing.assert_array_equal(scores.targets, found)
    assert list(scores.probability) == [
        "Sentinel-2",
        "Landsat",
        "Climate",
        "Predictors",
        "All",
        "All, fine-tuned on surveys and records"
        if "All, fine-tuned on surveys and records" in scores.probability
        else "All, fine-tuned on surveys alone",
    ]


def test_every_model_is_kept_and_knows_its_data(finished):
    models = finished.workspace.models
    folders = [*(models / "branches").iterdir(), models / "species", models / "compared"]
    cards = [load_model(folder).card for folder in folders]
    assert len({card.data_fingerprint for card in cards}) == 1
    assert {card.species_id for card in cards} == {finished.model.card.species_id}
    assert [len(card.modalities) for card in cards] == [1, 1, 1, 1, 4, 4]


def test_windows_are_cleared_away(finished):
    assert not (finished.workspace.models / "windows").exists()


def test_a_killed_training_goes_on_with_the_branches_that_are_there(copied, tiny):
    """Without its scores the training counts as unfinished."""
    weights = {
        path.relative_to(copied.models).as_posix(): (digest_of(path), path.stat().st_mtime_ns)
        for path in copied.models.rglob("*.safetensors")
    }
    (copied.models / "scores.zarr" / "surveys" / "zarr.json").unlink()
    shutil.rmtree(copied.models / "compared")
    with Workers(SERIAL) as workers:
        run(tiny, copied, workers)
    for name, (digest, changed) in weights.items():
        path = copied.models / name
        assert digest_of(path) == digest
        assert (path.stat().st_mtime_ns == changed) == (not name.startswith("compared"))
    assert Scores.exist(copied.models, SpeciesTraining().data(Making(tiny, copied, STAGES)))


@pytest.fixture
def alone(lesson, tiny, finished):
    """A recipe of predictors alone, and what it sees."""
    values = tiny.model_dump(mode="json")
    values["species"] |= {
        "modalities": {"predictors": {"encoder": {"kind": "vector", "widths": [8]}}},
        "compare": False,
    }
    recipe = Recipe.model_validate(values).anchored(finished.workspace.root)
    return recipe, replace(lesson, inputs={"predictors": lesson.inputs["predictors"]})


def test_with_one_modality_the_branch_is_the_model(alone, tmp_path):
    models = _train_all(*alone, tmp_path, "data", "cpu")
    assert list(models) == ["Predictors", "All"]
    branch, mapped = (
        load_model(tmp_path / name) for name in (Path("branches/predictors"), Path("species"))
    )
    assert fingerprint(branch) == fingerprint(mapped)
    assert not (tmp_path / "checkpoints").exists()


def test_a_device_that_is_not_there_is_refused(alone, tmp_path):
    with pytest.raises(InputError, match="device 'cuda:99': this process sees"):
        _train_all(*alone, tmp_path, "data", "cuda:99")


def test_a_branch_that_was_killed_goes_on_in_its_epoch(alone, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    def kill(epoch):
        raise KilledError

    monkeypatch.setattr(fitting, "WORTH", 0)
    expected = _train_all(*alone, tmp_path / "whole", "data", "cpu")["All"]
    told = []
    monkeypatch.setattr(species, "_tell", kill)
    with pytest.raises(KilledError):
        _train_all(*alone, tmp_path / "killed", "data", "cpu")
    assert (tmp_path / "killed" / "checkpoints" / "branches" / "predictors").is_dir()
    monkeypatch.setattr(species, "_tell", told.append)
    found = _train_all(*alone, tmp_path / "killed", "data", "cpu")["All"]
    assert [epoch.epoch for epoch in told] == [2]
    assert fingerprint(found) == fingerprint(expected)
    assert not (tmp_path / "killed" / "checkpoints").exists()


def test_a_model_that_the_recipe_gives_is_used_without_training(lesson, tiny, finished, tmp_path):
    values = tiny.model_dump(mode="json")
    values["species"]["weights"] = str(finished.workspace.models / "species")
    recipe = Recipe.model_validate(values).anchored(finished.workspace.root)
    # Another region: without two of the model's species, and with one that it does not know.
    sites = lesson.sites.select_species(np.arange(2, len(lesson.sites.species)))
    table = sites.species.assign(
        species_id=np.where(sites.species.index == 0, 999_999, sites.species["species_id"])
    )
    there = replace(lesson, sites=replace(sites, species=table))
    known, models = _given(recipe, there, tmp_path, "data", "cpu")
    assert list(models) == ["All"]
    given, kept = finished.model.card, load_model(tmp_path / "species").card
    assert (kept.thresholds, kept.species_id) == (given.thresholds, given.species_id)
    assert kept.weights_sha256 == given.weights_sha256
    assert kept.data_fingerprint == "data"
    presence = known.sites.presence.toarray()
    assert presence[:, :3].sum() == 0
    expected = lesson.sites.presence.toarray()[:, 3:]
    np.testing.assert_array_equal(presence[:, 3:], expected)


def test_a_model_that_knows_none_of_the_species_is_refused(mixed, finished):
    with pytest.raises(InputError, match=r"none of the 3 that were observed \(ids \[7, 3, 5\]"):
        mixed.in_table(finished.model.card.model_copy(update={"species_id": (90, 91)}))


def test_a_recipe_needs_something_to_see(tiny, lesson, tmp_path):
    with pytest.raises(InputError, match="'tiny' has neither covariates nor patches"):
        prepare(tiny, lesson.sites, None, tmp_path)


def test_sites_without_files_are_left_out_and_so_are_species_of_theirs_alone(
    finished, tiny, tmp_path
):
    values = tiny.model_dump(mode="json")
    values["patches"] = {"editions": [EDITION], "without": "drop"}
    values["species"]["modalities"] = {name: {} for name in MODALITIES}
    values["folds"]["fractions"] = {"train": 0.5, "validation": 0.5, "calibration": 0, "test": 0}
    recipe = Recipe.model_validate(values).anchored(finished.workspace.root)
    sites, _ = observe(recipe.observations, Grid.from_settings(recipe.grid))
    lesson = prepare(recipe, sites, None, tmp_path)
    assert len(lesson.sites) == tiny.simulate.patches < len(sites)
    assert {name: len(values) for name, values in lesson.inputs.items()} == dict.fromkeys(
        MODALITIES, tiny.simulate.patches
    )
    assert (np.asarray(lesson.sites.presence.sum(axis=0)) > 0).all()
    assert len(lesson.sites.species) < len(sites.species)
    roles = lesson.roles.indices()
    assert sum(map(len, roles.values())) == len(lesson.sites)
