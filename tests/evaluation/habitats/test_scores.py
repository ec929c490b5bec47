import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.scores import (
    PAPER_HABITATS,
    Judged,
    MacroScore,
    class_scores,
    confusion,
    evaluate_habitats,
)
from biomap_xr.evaluation.settings import EvaluationSettings

CODES = ("MA221", "N1A", "R22", "R1A", "T17")


def drawn(seed, plots=60):
    """Random predictions, each right about every third time."""
    random = np.random.default_rng(seed)
    true = random.integers(0, len(CODES), plots)
    probability = random.dirichlet(np.ones(len(CODES)), plots)
    probability[np.arange(plots), true] += 0.3
    probability /= probability.sum(axis=1, keepdims=True)
    return Judged(CODES, probability, tuple((CODES[each],) for each in true))


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_macro_scores_are_those_of_scikit_learn(seed):
    judged = drawn(seed)
    true, found = judged.pairs()
    wanted = precision_recall_fscore_support(true, found, average="macro", zero_division=0)[:3]
    row = evaluate_habitats("x", judged)
    got = [row.measure(name).value for name in ("Precision", "Recall", "F-score")]
    np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_class_scores_are_those_of_scikit_learn():
    judged = drawn(3)
    true, found = judged.pairs()
    labels = range(len(CODES))
    wanted = precision_recall_fscore_support(true, found, labels=labels, zero_division=0)
    got = class_scores(judged)
    for place, column in enumerate(("precision", "recall", "f_score", "plots")):
        np.testing.assert_allclose([getattr(each, column) for each in got], wanted[place])
    np.testing.assert_array_equal(confusion(judged), confusion_matrix(true, found))


def test_levels_follow_from_the_named_habitat():
    # Two grasslands together are more probable than the forest that is named.
    probability = np.array([[0.3, 0.3, 0.4], [0.6, 0.4, 0.0]])
    judged = Judged(("R1A", "R22", "T17"), probability, (("R22",), ("R22",)))
    assert judged.hits(3).tolist() == [0.0, 0.0]
    assert judged.hits(2).tolist() == [0.0, 0.0]
    assert judged.hits(1).tolist() == [0.0, 1.0]
    assert judged.top_hits().tolist() == [1.0, 1.0]


def test_any_code_of_a_plot_is_right():
    probability = np.array([[0.0, 0.0, 0.0, 0.9, 0.1]])
    judged = Judged(CODES, probability, (("R22", "R1A"),))
    assert judged.hits(3).tolist() == [1.0]
    true, found = judged.pairs()
    assert true.tolist() == found.tolist() == [3]


def test_a_label_that_the_model_does_not_know_is_missed():
    judged = Judged(("R22",), np.ones((2, 1)), (("R22",), ("U29",)))
    row = evaluate_habitats("x", judged)
    assert row.measure("Level 3").value == 0.5
    assert row.measure("Recall").value == 0.5
    assert [each.code for each in class_scores(judged)] == ["R22", "U29"]


def test_resampled_macro_scores_are_those_of_repeated_plots():
    judged = drawn(5)
    true, found = judged.pairs()
    blocks = np.arange(len(true)) % 4
    draws = np.array([[1.0, 1, 1, 1], [2, 0, 1, 1]])
    metric = MacroScore(true, found, "f_score")
    repeated = np.concatenate([np.flatnonzero(blocks == each) for each in (0, 0, 2, 3)])
    wanted = precision_recall_fscore_support(
        true[repeated], found[repeated], average="macro", zero_division=0
    )[2]
    np.testing.assert_allclose(metric.resampled(blocks, draws), [metric.score().value, wanted])


def test_intervals_hold_the_value():
    judged = drawn(1)
    chosen = EvaluationSettings(replicates=200)
    row = evaluate_habitats("x", judged, np.arange(60) % 12, settings=chosen)
    for measure in row.measures:
        assert measure.interval.low <= measure.value <= measure.interval.high


def test_who_names_no_habitat_is_wrong_but_no_class_is_blamed():
    probability = np.array([[1.0, 0], [0, 0], [0, 1]])
    judged = Judged(("R22", "T17"), probability, (("R22",), ("R22",), ("T17",)))
    assert judged.hits(3).tolist() == [1, 0, 1]
    assert judged.top_hits().tolist() == [1, 0, 1]
    assert judged.pairs()[1].tolist() == [0, -1, 1]
    first = class_scores(judged)[0]
    assert (first.plots, first.precision, first.recall) == (2, 1.0, 0.5)
    row = evaluate_habitats("x", judged)
    assert row.measure("Precision").value == 1.0
    assert row.measure("Recall").value == 0.75


def test_shapes_and_bare_plots_are_refused():
    with pytest.raises(InputError, match=r"2 plots and 1 habitats need \(2, 1\)"):
        Judged(("R22",), np.ones((1, 1)), (("R22",), ("R22",)))
    with pytest.raises(InputError, match="1 plots have no label, first number 1"):
        Judged(("R22",), np.ones((2, 1)), (("R22",), ()))


def test_published_numbers():
    assert PAPER_HABITATS[1].measure("Level 3").value == 0.4472
