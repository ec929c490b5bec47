import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    ForestSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
)
from biomap_xr.habitats.ensemble.settings import TuningSettings
from biomap_xr.habitats.ensemble.tuning import Bench, adjusted_balanced_accuracy, set_aside, tune

TABLE = FeatureTable(features=(Feature(name="bio01"), Feature(name="soil", kind="category")))
TUNING = TuningSettings(optimiser_trials=2, regularisation_trials=3, random_trials=2)
labels = st.lists(st.sampled_from(["R11", "R12", "R13", "T11"]), min_size=4, max_size=40)


@pytest.fixture(scope="module")
def blocked():
    """Give 300 noisy rows of three habitats in 15 blocks, and the blocks."""
    generator = np.random.default_rng(0)
    soil, warmth = generator.integers(1, 4, 300), generator.normal(size=300)
    rank = np.digitize(warmth + generator.normal(scale=0.4, size=300), [0.0]) + (soil == 2)
    values = np.stack([warmth, soil], axis=1).astype(np.float32)
    return Rows(values, np.array(["R11", "R12", "R13"])[rank]), generator.integers(0, 15, 300)


@pytest.fixture(scope="module")
def bench(blocked):
    return Bench.of(TABLE, *blocked, TUNING)


@given(labels, st.integers(0, 99))
def test_score_is_the_mean_recall_above_chance(true, seed):
    true = np.array([*true, "R11", "T11"])
    predicted = np.random.default_rng(seed).choice(["R11", "R12", "T11", "S42"], len(true))
    classes, label = np.unique(true, return_inverse=True)
    recall = np.bincount(label, true == predicted) / np.bincount(label)
    expected = (recall.mean() - 1 / len(classes)) / (1 - 1 / len(classes))
    assert adjusted_balanced_accuracy(true, predicted) == pytest.approx(expected, abs=1e-15)


def test_classes_that_are_never_true_are_no_class_of_their_own():
    true, predicted = np.array(["R11", "R12"]), np.array(["R11", "S42"])
    assert adjusted_balanced_accuracy(true, predicted) == 0.0


def test_score_of_one_class_is_refused():
    with pytest.raises(InputError, match=r"classes \['R11'\], expected two"):
        adjusted_balanced_accuracy(np.array(["R11"]), np.array(["R11"]))


@given(
    st.lists(
        st.tuples(st.sampled_from(["R11", "R12", "R13"]), st.integers(0, 9)),
        min_size=2,
        max_size=60,
    ).filter(lambda pairs: len({block for _, block in pairs}) > 1),
    st.floats(0.05, 0.6),
)
def test_whole_blocks_are_set_aside(pairs, share):
    codes, blocks = (np.array(part) for part in zip(*pairs, strict=True))
    aside = set_aside(codes, blocks, share, seed=0)
    assert aside.any()
    assert not aside.all()
    assert not np.intersect1d(blocks[aside], blocks[~aside]).size


def test_share_is_met_and_classes_are_on_both_sides(blocked):
    rows, blocks = blocked
    aside = set_aside(rows.codes, blocks, 0.1, seed=0)
    assert aside.mean() == pytest.approx(0.1, abs=0.03)
    for side in (aside, ~aside):
        assert set(rows.codes[side]) == {"R11", "R12", "R13"}
    np.testing.assert_array_equal(aside, set_aside(rows.codes, blocks, 0.1, seed=0))
    assert (aside != set_aside(rows.codes, blocks, 0.1, seed=1)).any()


def test_class_of_a_single_block_stays_in_training():
    codes = np.array(["R11", "R12"] * 20 + ["R13"])
    blocks = np.array([*np.arange(40) // 4, 10])
    assert not set_aside(codes, blocks, 0.2, seed=0)[-1]


def test_single_block_is_refused():
    with pytest.raises(InputError, match="2 rows lie in 1 spatial block"):
        set_aside(np.array(["R11", "R12"]), np.array([7, 7]), 0.1, 0)


def test_bench_has_three_parts_of_whole_blocks(bench, blocked):
    rows, blocks = blocked
    where = {value.tobytes(): block for value, block in zip(rows.values, blocks, strict=True)}
    parts = [
        {where[value.tobytes()] for value in part.values}
        for part in (bench.training, bench.stopping, bench.aside)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 15


def test_bench_is_named_by_its_rows(bench, blocked):
    rows, blocks = blocked
    assert bench.fingerprint == Bench.of(TABLE, rows, blocks, TUNING).fingerprint
    other = Rows(rows.values + np.float32([0.5, 0]), rows.codes)
    assert bench.fingerprint != Bench.of(TABLE, other, blocks, TUNING).fingerprint


SMALL = (
    ForestSettings(trees=3),
    XGBoostSettings(rounds=8),
    CatBoostSettings(rounds=8),
    LightGBMSettings(rounds=8),
    PerceptronSettings(architecture=(8,), epochs=3),
)


@pytest.mark.parametrize("settings", SMALL, ids=lambda each: each.algorithm)
def test_tuning_ends_with_the_best_and_remembers(settings, bench, tmp_path, monkeypatch):
    journal = tmp_path / "trials.log"
    tuned = tune(settings, bench, TUNING, journal)
    assert tuned.score >= tuned.given_score == pytest.approx(bench.score(settings))
    assert tuned.score == pytest.approx(bench.score(tuned.settings))
    assert tuned.trials == 6
    assert tuned.settings.imbalance == settings.imbalance
    monkeypatch.delattr(Bench, "score")
    assert tune(settings, bench, TUNING, journal) == tuned


def test_without_trials_settings_stay_as_they_are(bench):
    tuned = tune(SMALL[0], bench, TuningSettings())
    assert (tuned.settings, tuned.score, tuned.trials) == (SMALL[0], None, 0)


def test_optimisers_are_compared_without_regularisation(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(Bench, "score", lambda _, settings: seen.append(settings) or 0.0)
    given = ForestSettings(trees=3, max_depth=7, min_leaf=2)
    tuned = tune(given, bench, TUNING)
    assert [each.max_depth for each in seen[:3]] == [7, None, None]
    assert all(each.min_leaf == 1 for each in seen[1:3])
    # The second stage keeps the first one's optimiser, and a tie keeps the settings given.
    assert {each.criterion for each in seen[3:]} == {seen[1].criterion}
    assert tuned.settings == given


def test_regularisation_alone_keeps_the_optimiser_given(bench, monkeypatch):
    seen = []
    monkeypatch.setattr(Bench, "score", lambda _, settings: seen.append(settings) or 0.0)
    tune(XGBoostSettings(learning_rate=0.07), bench, TuningSettings(regularisation_trials=2))
    assert {each.learning_rate for each in seen} == {0.07}
    assert len(seen) == 3


def test_journal_of_other_rows_is_not_taken(bench, blocked, tmp_path):
    rows, blocks = blocked
    tune(SMALL[0], bench, TUNING, tmp_path / "trials.log")
    other = Bench.of(TABLE, rows.select(np.arange(200)), blocks[:200], TUNING)
    tuned = tune(SMALL[0], other, TUNING, tmp_path / "trials.log")
    assert tuned.given_score == pytest.approx(other.score(SMALL[0]))
