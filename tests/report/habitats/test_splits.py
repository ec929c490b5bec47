from dataclasses import replace

import numpy as np
import pytest

from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.report.habitats.sections import (
    ENSEMBLE,
    HELD_OUT,
    Formation,
    Parts,
    Scored,
    Validation,
    environment_section,
)
from biomap_xr.report.habitats.splits import split_board, split_words

CODES = ("R1A", "R22")
SETTINGS = EvaluationSettings(replicates=60)
LABELS = (("R1A",), ("R22",)) * 4
BLOCKS = np.repeat(["a", "b", "c", "d"], 2)


def scored(name, right, note="", plots=8):
    """The first plots are right, the others wrong."""
    true = np.arange(plots) % 2
    probability = np.full((plots, 2), 0.2)
    probability[np.arange(plots), np.where(np.arange(plots) < right, true, 1 - true)] = 0.8
    return Scored(name, Judged(CODES, probability, LABELS[:plots]), BLOCKS[:plots], note)


@pytest.fixture
def formation():
    held_out = Validation(HELD_OUT, (scored(ENSEMBLE, 4, "not nested"), scored("wrf", 4)))
    splits = (scored("random", 8, "3 folds"), scored("country", 2, "in turn", plots=6))
    return Formation("R", (held_out,), splits)


def test_splits_stand_below_the_blocks(formation):
    board = split_board(formation, SETTINGS)
    assert board.caption == "Grasslands (R): the same ensemble under other splits"
    assert [(row.name, row.note) for row in board.rows] == [
        ("spatial blocks", ""),
        ("single plots at random", "3 folds"),
        ("by country", "in turn; 6 of 8 plots"),
    ]
    assert [row.measure("Level 3").value for row in board.rows] == [0.5, 1, pytest.approx(1 / 3)]
    assert board.rows[0].measure("F-score").value == 0.5
    assert board.rows[0].measure("Level 3").interval.blocks == 4
    for words in ("honest test", "neighbours train", "no country is on both", "of 4 blocks"):
        assert words in board.note
    assert not board.folded


def test_a_gap_is_of_the_same_plots(formation):
    blocks, random, country = split_board(formation, SETTINGS).rows
    assert blocks.measure("Level 3 above blocks") is None
    gap = random.measure("Level 3 above blocks")
    assert gap.value == 0.5
    assert 0 <= gap.interval.low <= gap.value <= gap.interval.high <= 1
    assert random.measure("F-score above blocks").value == 0.5
    # Two plots have no country.
    assert country.measure("Level 3 above blocks") is None


def test_the_board_stands_between_ensembles_and_members(formation):
    parts = Parts(scoreboards=(split_board(formation, SETTINGS),))
    section = environment_section((formation,), parts, {}, SETTINGS)
    captions = [board.caption.split(": ")[-1] for board in section.scoreboards]
    assert captions[1:] == [
        "the same ensemble under other splits",
        "the ensemble beside its members",
    ]
    # Splits are no plots of another source.
    assert [row[1] for row in section.tables[0].rows] == [HELD_OUT]
    assert split_board(replace(formation, splits=()), SETTINGS).rows[0].name == "spatial blocks"


def test_sites_are_told_from_columns():
    assert split_words("site").startswith("By site: plots of one place")
