import numpy as np
import pytest

from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.report.habitats.gaps import gap_board, gaps_to
from biomap_xr.report.habitats.sections import HELD_OUT, PLANTBERT, Scored, Validation

SETTINGS = EvaluationSettings(replicates=200)
LABELS = (("R1A",), ("R22",)) * 10
BLOCKS = np.repeat(list("abcde"), 4)


def scored(name, wrong, plots=20, note=""):
    """All plots are right but some."""
    true = np.arange(plots) % 2
    probability = np.full((plots, 2), 0.2)
    probability[np.arange(plots), np.where(np.isin(np.arange(plots), wrong), 1 - true, true)] = 0.8
    judged = Judged(("R1A", "R22"), probability, LABELS[:plots])
    return Scored(name, judged, BLOCKS[:plots], note)


def test_a_gap_is_the_difference_of_both_and_their_plots_are_resampled_together():
    bert, linear = scored(PLANTBERT, [0, 1, 4, 5]), scored("linear", [0, 1])
    accuracy, f_score = gaps_to(linear, bert, PLANTBERT, SETTINGS)
    assert (accuracy.name, f_score.name) == ("Level 3 above Pl@ntBERT", "F-score above Pl@ntBERT")
    assert accuracy.value == pytest.approx(0.1)
    assert f_score.value == pytest.approx(0.1)
    # Both err on the same plots of block a: only block b moves their difference.
    assert accuracy.interval.low == 0
    assert accuracy.interval.high < 0.5


def test_a_model_of_other_plots_has_no_gap():
    assert gaps_to(scored("fewer", [], plots=18), scored(PLANTBERT, []), "it", SETTINGS) == ()


def test_all_others_are_held_against_plantbert():
    models = (scored(PLANTBERT, [0]), scored("linear", [0], note="tuned"), scored("net", [1, 2]))
    board = gap_board(Validation(HELD_OUT, models), SETTINGS)
    assert board.caption == "Other models and Pl@ntBERT on held-out plots"
    assert [(row.name, row.note) for row in board.rows] == [("linear", "tuned"), ("net", "")]
    same, worse = (row.measure("Level 3 above Pl@ntBERT") for row in board.rows)
    assert (same.value, same.interval.low, same.interval.high) == (0, 0, 0)
    assert worse.value == pytest.approx(-0.05)
    assert "holds 0" in board.note
    assert "5 blocks" in board.note


def test_plantbert_alone_has_no_board():
    assert gap_board(Validation(HELD_OUT, (scored(PLANTBERT, [0]),)), SETTINGS) is None
