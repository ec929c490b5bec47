import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import (
    Score,
    assemblage,
    auc_by_species,
    f_score_by_survey,
    macro_auc,
    recall_by_survey,
    scorable,
)

pytestmark = pytest.mark.trust


def surveys(seed: int, size: tuple[int, int] = (60, 25), levels: int = 12) -> Any:
    """Targets and scores with many ties, a species that is everywhere and one that is nowhere."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, levels, size) / levels
    targets = random.random(size) < 0.1 + 0.5 * scores
    targets[:, 0], targets[:, 1] = True, False
    return targets, scores


@pytest.mark.parametrize("seed", range(5))
def test_macro_auc_equals_scikit_learn_on_the_kept_columns(seed: int) -> None:
    targets, scores = surveys(seed)
    kept = scorable(targets)
    expected = roc_auc_score(targets[:, kept], scores[:, kept], average="macro")
    found = macro_auc(targets, scores)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.used == kept.sum()
    assert found.excluded == (~kept).sum() >= 2


def test_auc_by_species_equals_scikit_learn_species_by_species() -> None:
    targets, scores = surveys(7, (80, 70))
    found = auc_by_species(targets, scores.astype(np.float32))
    for species in range(targets.shape[1]):
        if scorable(targets)[species]:
            expected = roc_auc_score(targets[:, species], scores[:, species])
            assert found[species] == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(found[species])


def test_auc_by_hand() -> None:
    # Presences score 0.8 and 0.4, absences 0.4 and 0.1: wins 2 + 1.5 of 4 pairs.
    assert auc_by_species([[1], [1], [0], [0]], [[0.8], [0.4], [0.4], [0.1]])[0] == pytest.approx(
        3.5 / 4
    )


def test_macro_auc_without_any_scorable_species_is_not_a_number() -> None:
    found = macro_auc(np.zeros((3, 4)), np.zeros((3, 4)))
    assert np.isnan(found.value)
    assert (found.used, found.excluded) == (0, 4)


@pytest.mark.parametrize("seed", range(5))
def test_f_score_equals_scikit_learn(seed: int) -> None:
    targets, scores = surveys(seed)
    targets[:3, :] = False
    predicted = assemblage(scores, 0.9)
    expected = f1_score(targets, predicted, average="samples", zero_division=0)
    assert Score.of(f_score_by_survey(targets, predicted)).value == pytest.approx(
        expected, abs=1e-12
    )


def test_assemblage_takes_one_threshold_per_species_and_includes_it() -> None:
    found = assemblage([[0.2, 0.5, 0.5]], [0.1, 0.5, 0.6])
    assert found.tolist() == [[True, True, False]]


def test_recall_by_hand_with_an_empty_survey() -> None:
    targets = [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    scores = [[0.9, 0.1, 0.5, 0.4], [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]]
    assert recall_by_survey(targets, scores, 2)[:2].tolist() == [0.5, 1.0]
    found = Score.of(recall_by_survey(targets, scores, 2))
    assert (found.value, found.used, found.excluded) == (0.75, 2, 1)


def test_recall_of_more_species_than_there_are_is_one() -> None:
    targets, scores = surveys(1)
    assert Score.of(recall_by_survey(targets, scores, 250)).value == 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 8))
def test_tied_recall_is_the_mean_over_all_ways_to_break_the_ties(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 3, (1, 7)) / 2
    targets = np.zeros((1, 7), bool)
    targets[0, random.integers(0, 7, 3)] = True
    broken = [
        _recall_by_sorting(targets[0], scores[0] + 1e-6 * random.permutation(7), k)
        for _ in range(1500)
    ]
    assert recall_by_survey(targets, scores, k)[0] == pytest.approx(np.mean(broken), abs=0.06)


def _recall_by_sorting(present: Any, scores: Any, k: int) -> Any:
    highest = np.argsort(-scores)[:k]
    return present[highest].sum() / present.sum()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_metric_depends_on_the_order_of_surveys_or_species(seed: int) -> None:
    targets, scores = surveys(seed, (30, 12), levels=4)
    random = np.random.default_rng(seed)
    order = np.ix_(random.permutation(30), random.permutation(12))
    shuffled, moved = targets[order], scores[order]
    assert macro_auc(shuffled, moved).value == pytest.approx(macro_auc(targets, scores).value)
    assert Score.of(recall_by_survey(shuffled, moved, 5)).value == pytest.approx(
        Score.of(recall_by_survey(targets, scores, 5)).value
    )
    before, after = (
        f_score_by_survey(targets, scores > 0.4),
        f_score_by_survey(shuffled, moved > 0.4),
    )
    assert after.mean() == pytest.approx(before.mean())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_auc_keeps_under_a_rising_transformation_and_mirrors_under_a_falling_one(seed: int) -> None:
    targets, scores = surveys(seed, (30, 8))
    auc = auc_by_species(targets, scores)
    np.testing.assert_allclose(auc_by_species(targets, np.exp(3 * scores)), auc)
    np.testing.assert_allclose(auc_by_species(targets, -scores), 1 - auc)


def test_blocks_of_rows_do_not_change_recall(monkeypatch: pytest.MonkeyPatch) -> None:
    targets, scores = surveys(3)
    whole = recall_by_survey(targets, scores, 5)
    monkeypatch.setattr("biomap_xr.evaluation.metrics.SURVEYS_PER_BLOCK", 7)
    np.testing.assert_array_equal(recall_by_survey(targets, scores, 5), whole)


@pytest.mark.parametrize(
    ("targets", "scores", "message"),
    [
        ([1, 0], [0.1, 0.2], r"shape \(2,\); expected \(surveys, species\)"),
        ([[2, 0]], [[0.1, 0.2]], "hold 2; expected presence as 0 or 1"),
        ([[1, 0]], [[0.1, 0.2, 0.3]], r"shape \(1, 3\); the targets have \(1, 2\)"),
        ([[1, 0], [1, 1]], [[0.1, 0.2], [0.1, np.nan]], "survey row 1 hold nan"),
    ],
)
def test_arrays_that_cannot_be_scored_are_refused(targets: Any, scores: Any, message: Any) -> None:
    with pytest.raises(InputError, match=message):
        macro_auc(targets, np.array(scores))


def test_assemblages_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 3\)"):
        f_score_by_survey([[1, 0]], [[1, 0, 1]])


def test_recall_at_zero_is_refused() -> None:
    with pytest.raises(InputError, match="K = 0"):
        recall_by_survey([[1]], [[0.5]], 0)


def test_a_wide_table_is_scored_in_little_time() -> None:
    random = np.random.default_rng(0)
    scores = random.random((1000, 3000), dtype=np.float32)
    targets = random.random((1000, 3000), dtype=np.float32) < 0.01
    start = time.perf_counter()
    macro_auc(targets, scores)
    recall_by_survey(targets, scores, 50)
    f_score_by_survey(targets, scores > 0.9)
    assert time.perf_counter() - start < 6
