import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_info

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners import fitting
from biomap_xr.habitats.ensemble.learners.fitting import (
    CARD,
    fit_learner,
    learner_from_files,
    style_of,
)
from biomap_xr.habitats.ensemble.learners.protocol import Learner, Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    ForestSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
    published_name,
)
from biomap_xr.run.folder import read_folder, write_folder

DATA = os.environ.get("BIOMAP_XR_DATA")
SMALL = (
    ForestSettings(trees=10),
    XGBoostSettings(rounds=15),
    CatBoostSettings(rounds=15),
    LightGBMSettings(rounds=15, learning_rate=0.1),
    PerceptronSettings(architecture=(16,), epochs=5, batch=64),
    PerceptronSettings(architecture=(16,), epochs=5, batch=64, categories="embedding"),
)


def names(settings):
    return f"{published_name(settings)}-{style_of(settings)}"


@pytest.fixture(scope="module", params=SMALL, ids=names)
def learner(request, table, rows):
    first, rest = np.arange(len(rows)) < 300, np.arange(len(rows)) >= 300
    name = published_name(request.param)
    return fit_learner(name, request.param, table, rows.select(first), rows.select(rest))


def test_learner_keeps_its_word(learner, rows):
    assert isinstance(learner, Learner)
    assert learner.classes == ("R11", "R1A", "R22", "R51")
    probability = learner.predict_proba(rows.values)
    assert probability.dtype == np.float64
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert (probability >= 0).all()
    assert learner.training["rows"].keys() == set(learner.classes)
    assert sum(learner.training["rows"].values()) == 300
    assert learner.training["held_out_rows"] == 100


def test_learner_travels_through_a_folder(learner, rows, tmp_path):
    write_folder(learner.to_files(), tmp_path / "learner")
    again = learner_from_files(read_folder(tmp_path / "learner"))
    np.testing.assert_array_equal(
        again.predict_proba(rows.values), learner.predict_proba(rows.values)
    )
    assert again.to_files() == learner.to_files()
    assert (again.name, again.family) == (learner.name, learner.family)
    assert again.features == learner.features


def test_rows_are_predicted_one_by_one_as_together(learner, rows):
    together = learner.predict_proba(rows.values[:5])
    single = np.concatenate([learner.predict_proba(row[None]) for row in rows.values[:5]])
    np.testing.assert_allclose(together, single, atol=1e-6)


def test_no_rows_have_no_probabilities(learner, rows):
    assert learner.predict_proba(rows.values[:0]).shape == (0, 4)


def test_threads_change_nothing(learner, rows):
    np.testing.assert_allclose(
        learner.with_threads(2).predict_proba(rows.values),
        learner.predict_proba(rows.values),
        atol=1e-7,
    )


def test_files_hold_no_pickle(learner):
    for name, content in learner.to_files().items():
        assert Path(name).suffix in {".json", ".safetensors", ".ubj", ".txt", ".cbm"}
        assert not content.startswith(b"\x80")


def test_changed_files_are_told_before_a_library_reads_them(learner):
    files = learner.to_files()
    for name in set(files) - {CARD}:
        changed = bytearray(files[name])
        changed[len(changed) // 2] ^= 1
        with pytest.raises(CorruptError, match=rf"{re.escape(name)}: .* SHA-256"):
            learner_from_files(files | {name: bytes(changed)})
        with pytest.raises(InputError, match=f"expected {re.escape(name)}"):
            learner_from_files({key: each for key, each in files.items() if key != name})


@pytest.mark.parametrize("settings", SMALL, ids=names)
def test_equal_rows_settings_and_seed_give_equal_bytes(settings, table, rows):
    few = rows.select(np.arange(120))
    one, two = (
        fit_learner("a", settings, table, few, few, means=Means(seed=5)).to_files() for _ in "ab"
    )
    assert one == two


def test_held_out_classes_that_training_lacks_are_left_out(table, rows):
    training = rows.select(rows.codes != "R51")
    learner = fit_learner("xgb", SMALL[1], table, training, rows)
    assert learner.classes == ("R11", "R1A", "R22")
    assert learner.training["held_out_rows"] == len(training)


def test_missing_values_are_counted(table, rows):
    learner = fit_learner("wrf", SMALL[0], table, rows)
    expected = np.isnan(rows.values).sum(axis=0).tolist()
    assert list(learner.training["missing"].values()) == expected


def test_process_keeps_its_threads(table, rows):
    before = [pool["num_threads"] for pool in threadpool_info()], torch.get_num_threads()
    fit_learner("wrf", SMALL[0], table, rows, means=Means(threads=2))
    assert ([pool["num_threads"] for pool in threadpool_info()], torch.get_num_threads()) == before


def test_single_class_is_refused(table, rows):
    with pytest.raises(InputError, match=r"classes \['R11'\], expected two classes at least"):
        fit_learner("wrf", SMALL[0], table, rows.select(rows.codes == "R11"))


def test_other_columns_are_refused(learner, rows):
    with pytest.raises(InputError, match="bio01, bio12, cover, soil, aspect"):
        learner.predict_proba(rows.values[:, :3])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"format": 99}, InputError, "is of format 99, expected 1"),
        ({"classes": 3}, CorruptError, "no card of a learner"),
        ({"preparation": {}}, CorruptError, "no card of a learner"),
        ({"algorithm": "oracle"}, CorruptError, "names the algorithm 'oracle'"),
    ],
)
def test_cards_that_mean_nothing_are_refused(table, rows, changed, error, message):
    files = fit_learner("wrf", SMALL[0], table, rows).to_files()
    card = json.loads(files[CARD]) | changed
    with pytest.raises(error, match=message):
        learner_from_files(files | {CARD: json.dumps(card).encode()})


@pytest.mark.parametrize(
    ("library", "module"),
    [
        ("xgboost", "learners/xgboost.py"),
        ("catboost", "learners/catboost.py"),
        ("lightgbm", "learners/lightgbm.py"),
        ("optuna", "studies.py"),
    ],
)
def test_heavy_libraries_are_imported_in_one_module_each(library, module):
    room = Path(fitting.__file__).parents[1]
    wanted = re.compile(rf"^\s*(import|from) {library}\b", re.MULTILINE)
    found = [path for path in room.rglob("*.py") if wanted.search(path.read_text())]
    assert [str(path.relative_to(room)) for path in found] == [module]


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real pixels")
def test_forest_of_real_pixels_is_scikit_learns():
    # Ten land covers stand for habitats; every other polygon of Freiburg is held out.
    pixels = pd.read_csv(Path(DATA) / "s2/german_pixels/pixels.csv.gz")
    pixels = pixels[pixels.Region == "Freiburg"]
    bands = [name for name in pixels.columns if re.fullmatch("B[0-9A]+", name)]
    codes = "R1" + pixels.Label.map(dict(zip(pixels.Label.unique(), "123456789A", strict=True)))
    rows = Rows(pixels[bands].to_numpy(np.float32), codes.to_numpy(str))
    held_out = (pixels.ID % 2 == 0).to_numpy()
    table = FeatureTable(features=tuple(Feature(name=band) for band in bands))
    settings = ForestSettings(trees=20, imbalance="none")
    learner = fit_learner("rf", settings, table, rows.select(~held_out))
    reference = RandomForestClassifier(20, max_samples=1.0, random_state=0, n_jobs=1)
    reference.fit(rows.values[~held_out], rows.codes[~held_out])
    assert learner.classes == tuple(reference.classes_)
    probability = learner.predict_proba(rows.values[held_out])
    np.testing.assert_allclose(
        probability, reference.predict_proba(rows.values[held_out]), atol=1e-6
    )
    found = np.array(learner.classes)[probability.argmax(axis=1)]
    assert (found == rows.codes[held_out]).mean() > 0.65
