"""Fits and searches as tasks: the same on any workers, killed and taken up again, told by name."""

import shutil

import numpy as np
import pytest

from biomap_xr.cluster import profile_of
from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import block_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.grid import Points
from biomap_xr.habitats.ensemble import fits as fits_module
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.fits import Observations, Options, place_of
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import ForestSettings, XGBoostSettings
from biomap_xr.habitats.ensemble.settings import SelectionSettings, TuningSettings
from biomap_xr.habitats.ensemble.training import train_formation
from biomap_xr.habitats.ensemble.tuning import Bench, tune
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs.fits import FitProgram, Training, TuningProgram
from biomap_xr.run import FillSettings
from biomap_xr.run.folder import read_folder, write_folder

MEMBERS = {
    "rf": ForestSettings(trees=4, max_depth=4),
    "xgb": XGBoostSettings(rounds=4, max_depth=2),
}
TABLE = FeatureTable(features=(Feature(name="bio01"), Feature(name="soil", kind="category")))
TUNING = TuningSettings(optimiser_trials=2, regularisation_trials=2, random_trials=1)
SERIAL = {"kind": "serial"}


def observed(seed=0, count=240):
    random = np.random.default_rng(seed)
    points = Points(4e6 + random.uniform(0, 6e5, count), 3e6 + random.uniform(0, 6e5, count))
    soil = random.choice([2, 3, 5], count)
    warmth = random.normal(size=count)
    values = np.stack([warmth, soil], axis=1).astype(np.float32)
    label = (warmth + random.normal(0, 0.4, count) > 0.5) + (soil > 4).astype(np.int64)
    folds = block_folds(points, label, 3, BlockSettings(folds=3))
    return Observations(Rows(values, np.array(["R11", "R22", "R51"])[label]), folds)


def training_in(root, formation="R", observations=None, **options):
    return Training(
        formation,
        observations or observed(),
        TABLE,
        MEMBERS,
        Options(**options),
        root / formation / "members",
        root / formation / "rows",
    )


def fitted(root, *trainings, profile=SERIAL):
    with Workers(profile_of(profile)) as workers:
        filling = Filling(Workspace(root), workers, FillSettings(retries=0))
        tasks = [task for each in trainings for task in each.tasks()]
        filling.complete(FitProgram(root), tasks)
    return [each.join() for each in trainings]


def files_in(root):
    paths = sorted(root.glob("*/members/**/*"))
    return {path.relative_to(root): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture
def counted(monkeypatch):
    """Names of the learners that are fitted in this process."""
    names = []
    own = fits_module.fit_learner

    def fit(name, *rest, **named):
        names.append(name)
        return own(name, *rest, **named)

    monkeypatch.setattr(fits_module, "fit_learner", fit)
    return names


def test_tasks_are_the_fits_that_joining_asks_for(tmp_path, counted):
    nested = training_in(tmp_path, selection=SelectionSettings(nested=True))
    names = [task.name for task in nested.tasks()]
    assert names[:6] == ["R-rf_0", "R-rf_1", "R-rf_2", "R-rf_0_1", "R-rf_0_2", "R-rf_1_2"]
    assert len(set(names)) == len(names) == 2 * 6
    fitted(tmp_path, nested)
    # All of them are made on the workers, and none while they are joined.
    assert sorted(counted) == ["rf"] * 6 + ["xgb"] * 6


def test_workers_make_the_same_fits_bit_for_bit(tmp_path):
    pair = observed(), observed(1)
    serial, local = tmp_path / "serial", tmp_path / "local"
    (one, other) = fitted(
        serial, *(training_in(serial, n, o) for n, o in zip("RT", pair, strict=True))
    )
    again = fitted(
        local,
        *(training_in(local, n, o) for n, o in zip("RT", pair, strict=True)),
        profile={"kind": "local", "processes": 2, "memory_limit": "2GiB"},
    )
    assert files_in(serial) == files_in(local)
    for mine, theirs, observations in zip((one, other), again, pair, strict=True):
        alone = train_formation("R", observations, TABLE, MEMBERS, Options())
        for found in (mine, theirs):
            np.testing.assert_array_equal(
                found.validation.probability, alone.validation.probability
            )
            assert found.ensemble.weights == alone.ensemble.weights


def test_a_killed_training_goes_on(tmp_path, counted, monkeypatch):
    own = FitProgram.__call__

    def dies(program, task):
        if task.name == "R-rf_2":
            raise KeyboardInterrupt
        return own(program, task)

    with monkeypatch.context() as patch:
        patch.setattr(FitProgram, "__call__", dies)
        with pytest.raises(KeyboardInterrupt):
            fitted(tmp_path, training_in(tmp_path))
    assert counted == ["rf"] * 2
    whole = tmp_path / "whole"
    fitted(whole, training_in(whole))
    counted.clear()
    fitted(tmp_path, training_in(tmp_path))
    assert counted == ["rf", "xgb", "xgb", "xgb"]
    assert files_in(tmp_path / "whole") == {
        path: content for path, content in files_in(tmp_path).items() if path.parts[0] == "R"
    }
    # A folder that was lost is made again, and no other.
    counted.clear()
    shutil.rmtree(tmp_path / "R" / "members" / "xgb_1")
    fitted(tmp_path, training_in(tmp_path))
    assert counted == ["xgb"]


def test_a_fit_without_a_receipt_is_taken_as_it_is(tmp_path, counted):
    training = training_in(tmp_path)
    for name, left_out in training.fits.needed:
        training.fits.learner(name, left_out)
    counted.clear()
    fitted(tmp_path, training_in(tmp_path))
    assert counted == []


def test_fits_of_an_earlier_version_are_asked_when_they_are_joined(tmp_path, counted):
    training = training_in(tmp_path)
    (whole,) = fitted(tmp_path, training)
    counted.clear()
    # They had no answers beside them.
    for name, left_out in training.fits.needed:
        place = place_of(training.folder, name, left_out)
        files = read_folder(place)
        del files["said.npy"]
        write_folder(files, place)
    again = training_in(tmp_path).join()
    assert counted == []
    np.testing.assert_array_equal(again.validation.probability, whole.validation.probability)
    assert set(again.validation.by_learner) == set(again.validation.chosen)


def test_an_error_names_its_fit(tmp_path):
    observations = observed()
    codes = np.where(observations.folds.fold == 1, observations.rows.codes, "R11")
    lone = Observations(Rows(observations.rows.values, codes), observations.folds)
    with pytest.raises(InputError, match=r"fits: 2 fits were set aside, first T-\w+_1: InputErr"):
        fitted(tmp_path, training_in(tmp_path), training_in(tmp_path, "T", lone))


def search(root, profile=SERIAL):
    training = training_in(root)
    searches = training.searches(TUNING, root / "R" / "trials")
    with Workers(profile_of(profile)) as workers:
        filling = Filling(Workspace(root), workers, FillSettings())
        filling.complete(TuningProgram(root), [each.task("R") for each in searches])
    return {each.learner: each.found() for each in searches}


def test_searches_end_as_those_in_one_process(tmp_path, monkeypatch):
    observations = observed()
    unit = np.unique(observations.folds.unit, return_inverse=True)[1]
    bench = Bench.of(TABLE, observations.rows, unit, TUNING)
    expected = {name: tune(each, bench, TUNING) for name, each in MEMBERS.items()}
    assert search(tmp_path / "serial") == expected
    local = {"kind": "local", "processes": 2, "memory_limit": "2GiB"}
    assert search(tmp_path / "local", local) == expected
    # What is found already is not looked for again, and a lost result is read from the journal.
    (tmp_path / "serial" / "R" / "trials" / "rf.json").unlink()
    monkeypatch.setattr(Bench, "score", None)
    assert search(tmp_path / "serial") == expected
