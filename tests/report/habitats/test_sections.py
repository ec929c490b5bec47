from dataclasses import replace

import numpy as np
import pytest

from biomap_xr.evaluation.habitats.scores import PAPER_HABITATS, Judged, MacroScore
from biomap_xr.evaluation.intervals import Difference, interval
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.observations.plot_report import Counts, CurationReport
from biomap_xr.report.content import Table
from biomap_xr.report.habitats.sections import (
    ENSEMBLE,
    GAIN,
    HELD_OUT,
    Formation,
    Parts,
    Scored,
    Validation,
    environment_section,
    interval_words,
    plots_section,
    scored_rows,
    species_section,
    wall_to_wall_section,
)

CODES = ("R1A", "R22", "R35", "R43")
SETTINGS = EvaluationSettings(replicates=60)
PLOTS = 160


def scored(name, share, seed=0, codes=CODES, plots=PLOTS):
    random = np.random.default_rng(seed)
    true = np.arange(plots) % len(codes)
    probability = random.dirichlet(np.ones(len(codes)), plots)
    probability[np.arange(plots), true] += random.random(plots) < share
    labels = tuple((codes[each],) for each in true)
    blocks = (np.arange(plots) // 10).astype(str)
    return Scored(name, Judged(codes, probability, labels), blocks)


def formation(code, codes):
    models = tuple(
        scored(name, share, place, codes)
        for place, (name, share) in enumerate({ENSEMBLE: 0.8, "wrf": 0.6, "wxgb": 0.7}.items())
    )
    alone = Validation("Austria", (scored(ENSEMBLE, 0.5, 9, codes, 40),))
    return Formation(code, (Validation(HELD_OUT, models), alone))


def test_habitats_from_species_stand_beside_paper_1():
    validations = (
        Validation(HELD_OUT, (scored("linear", 0.6), scored("Pl@ntBERT", 0.8))),
        Validation("dikes", (scored("Pl@ntBERT", 0.5, plots=40),)),
    )
    parts = Parts(tables=(Table("areas", (), ()),))
    section = species_section(validations, parts, {"R22": "R22 - Meadow"}, SETTINGS)
    held_out, external = section.scoreboards
    assert held_out.published == PAPER_HABITATS
    assert external.published == ()
    assert external.caption == "Models on external data: dikes"
    assert held_out.columns[:4] == ("Level 1", "Level 2", "Level 3", "Top-3")
    assert held_out.rows[0].measure("Level 3").interval.blocks == 16
    assert "160 plots. Small numbers: 95% intervals over 60 resamples of 16" in held_out.note
    assert [table.caption for table in section.tables] == [
        "areas",
        "Scores of each habitat: Pl@ntBERT on held-out plots",
    ]
    assert "R22 - Meadow" in [row[0] for row in section.tables[1].rows]


def test_a_map_without_scores_is_a_section():
    parts = Parts(tables=(Table("areas", (), ()),))
    for section in (
        species_section((), parts, {}, SETTINGS),
        environment_section((), parts, {}, SETTINGS),
        wall_to_wall_section(parts),
    ):
        assert section.scoreboards == ()
        assert [table.caption for table in section.tables] == ["areas"]


def test_ensembles_stand_under_each_other_and_beside_their_members():
    formations = (formation("R", CODES), formation("T", ("T17", "T1B", "T31")))
    section = environment_section(formations, Parts(), {}, SETTINGS)
    held_out, external, grass, forest = section.scoreboards
    assert [row.name for row in held_out.rows] == [
        "Grasslands (R)",
        "Forests and other wooded land (T)",
    ]
    assert "Level 1" not in held_out.columns
    assert held_out.columns[-1] == GAIN
    assert held_out.rows[0].note == "best member: wxgb"
    assert external.caption == "The ensemble of each formation on external data: Austria"
    assert GAIN not in external.columns
    assert [row.name for row in grass.rows] == [ENSEMBLE, "wrf", "wxgb"]
    assert grass.folded
    assert forest.caption.startswith("Forests")
    spread = section.tables[0]
    assert [row[:3] for row in spread.rows] == [
        ("Grasslands (R)", "held-out plots", 160),
        ("Grasslands (R)", "Austria", 40),
        ("Forests and other wooded land (T)", "held-out plots", 160),
        ("Forests and other wooded land (T)", "Austria", 40),
    ]
    assert all(table.folded for table in section.tables[1:])


def test_the_numbers_of_a_section_are_plain():
    section = environment_section((formation("R", CODES),), Parts(), {}, SETTINGS)
    record = section.record()
    measures = record["scoreboards"][0]["models"][0]["measures"]
    assert set(measures["F-score"]) >= {"value", "low", "high"}
    assert record["tables"][0]["columns"][0] == "formation"


def test_a_member_of_other_plots_is_not_compared():
    ensemble, member = scored(ENSEMBLE, 0.8), scored("wrf", 0.9, plots=40)
    alone = Formation("R", (Validation(HELD_OUT, (ensemble, member)),))
    board = environment_section((alone,), Parts(), {}, SETTINGS).scoreboards[0]
    assert GAIN not in board.columns


def test_a_difference_is_resampled_together():
    one, other = scored("a", 0.9, 1), scored("b", 0.4, 2)
    first, second = (MacroScore(*each.judged.pairs(), "f_score") for each in (one, other))
    gain = Difference(first, second)
    assert gain.score().value == pytest.approx(first.score().value - second.score().value)
    random = np.random.default_rng(0)
    draws = random.multinomial(16, np.full(16, 1 / 16), 20).astype(np.float64)
    blocks = np.arange(PLOTS) // 10
    expected = first.resampled(blocks, draws) - second.resampled(blocks, draws)
    np.testing.assert_array_equal(gain.resampled(blocks, draws), expected)
    same = interval(Difference(first, first), blocks, replicates=50, level=0.95, seed=0)
    assert (same.low, same.high) == (0, 0)


def test_a_model_that_scores_fewer_plots_says_so():
    few = replace(scored("few", 0.5, plots=40), note="from the map")
    rows = scored_rows([scored("all", 0.5), few], SETTINGS)
    assert [row.note for row in rows] == ["", "from the map; 40 of 160 plots"]


def test_one_block_has_no_interval():
    model = replace(scored("x", 0.5), blocks=np.full(PLOTS, "one"))
    assert interval_words(scored_rows([model], SETTINGS)) == (
        "160 plots. No intervals: the plots lie in a single block."
    )


def test_plots_have_a_section_of_their_own():
    section = plots_section(CurationReport((), (), Counts(1, 2, 3, 1)))
    assert section.name == "vegetation-plots"
    assert section.tables[0].rows == ()
