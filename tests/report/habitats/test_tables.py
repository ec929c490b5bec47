from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from biomap_xr.evaluation.habitats.agreement import Agreement
from biomap_xr.evaluation.habitats.on_map import MappedPlots, evaluate_map
from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.evaluation.map_statistics import PAPER_HABITAT_STATISTICS, summarise
from biomap_xr.habitats.comparison import Compared
from biomap_xr.observations.curation import curate
from biomap_xr.observations.plot_filters import PASSING
from biomap_xr.observations.plot_report import Counts, CurationReport, PlotStep, TableSteps
from biomap_xr.observations.plot_settings import CurationSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.report.habitats.tables import (
    SHOWN,
    STEPS,
    FormationResult,
    agreement_table,
    area_table,
    class_tables,
    cover_table,
    curation_tables,
    formation_agreement_table,
    formation_table,
    map_score_table,
    reference_class_table,
    reference_table,
    rule_table,
    widest_table,
)

FORESTS = tuple(f"T{group}{place}" for group in (1, 2, 3) for place in range(1, 8))


def judged(codes, plots=300, seed=0):
    random = np.random.default_rng(seed)
    true = np.minimum(random.geometric(0.2, plots) - 1, len(codes) - 1)
    probability = random.dirichlet(np.ones(len(codes)), plots)
    probability[np.arange(plots), true] += 0.3
    return Judged(codes, probability, tuple((codes[each],) for each in true))


def test_every_step_of_the_curation_is_told():
    read, left = Counts(10, 5, 90, 8), Counts(9, 4, 70, 7)
    lost = {"": 9, "b": 3, "c": 2, "d": 1, "e": 1, "f": 1}
    steps = (PlotStep("cover", read, left, lost), PlotStep("empty", left, left, {}))
    report = CurationReport((TableSteps("/x/header.csv", "eva", steps[:1]),), steps, left)
    file, together = curation_tables(report)
    assert file.caption == "header.csv (eva)"
    assert together.rows[0] == ("before", 10, 8, 5, 90, "")
    assert together.rows[1] == (
        "species without cover", 9, 7, 4, 70, "(empty) (9), b (3), c (2), d (1) and 2 more",
    )  # fmt: skip
    assert "9 plots with 4 species and 70 observations are left; 7 of them" in together.note


def test_every_step_of_the_curation_has_words():
    cover = csr_array(np.array([[50.0, 5.0], [0.0, 9.0]], np.float32))
    nowhere = np.zeros(2)
    plots = Plots(
        plot_id=np.array(["a", "b"], object),
        cover=cover,
        species=("abies alba", "carex flava"),
        labels=(("R22",), ()),
        longitude=nowhere,
        latitude=nowhere,
        site=np.array(["a", "b"], object),
        header=pd.DataFrame(index=range(2)),
    )
    settings = CurationSettings(minimum_plots_of_species=1, minimum_plots_of_habitat=1)
    _, steps = curate(plots, settings, str)
    assert {step.name for step in steps} <= set(STEPS)
    assert set(PASSING) <= set(STEPS)


def test_scores_of_habitats_are_scikit_learns():
    found = judged(FORESTS)
    shown, folded = class_tables("x", found, {"T11": "T11 - Riparian forest"})
    assert len(shown.rows) == SHOWN
    assert folded.folded
    assert not shown.folded
    assert f"{len(folded.rows)} more" in shown.note
    rows = {row[0]: row[1:] for row in (*shown.rows, *folded.rows)}
    true, said = found.pairs()
    wanted = precision_recall_fscore_support(true, said, labels=[0, 5], zero_division=0)
    for place, name in enumerate(("T11 - Riparian forest", FORESTS[5])):
        plots, *measures = rows[name]
        assert plots == wanted[3][place]
        assert measures == pytest.approx([each[place] for each in wanted[:3]], abs=5e-4)
    counts = [row[1] for row in (*shown.rows, *folded.rows)]
    assert counts == sorted(counts, reverse=True)


def test_few_habitats_make_one_table():
    (table,) = class_tables("x", judged(FORESTS[:3]), {})
    assert len(table.rows) == 3
    assert table.note == ""


def test_means_and_deviations_over_habitats_are_scikit_learns():
    found = judged(FORESTS)
    (row,) = formation_table([FormationResult("T", "held-out plots", found)]).rows
    scores = precision_recall_fscore_support(*found.pairs(), zero_division=0)[:3]
    wanted = [number for each in scores for number in (each.mean(), each.std())]
    assert row[:4] == ("Forests and other wooded land (T)", "held-out plots", 300, len(scores[0]))
    assert row[4:10] == pytest.approx(wanted, abs=5e-4)
    assert row[10] == pytest.approx(found.top_hits().mean(), abs=5e-4)


def statistics_of(cells, widest=15):
    counts, total = np.array(list(cells.values())), sum(cells.values())
    return summarise(counts, list(cells), valid=total, resolution=50, widest=widest)


def test_areas_stand_beside_paper_1():
    statistics = statistics_of({"R22": 300_000, "T17": 100_000, "Q11": 0})
    rows = {row[0]: row[1:] for row in area_table(statistics).rows}
    assert rows["habitats that the model knows"] == (3, 200)
    assert rows["habitats mapped (the likeliest somewhere)"] == (2, 200)
    assert rows["share of the most widespread habitat (%)"] == (75.0, 12.27)
    table = widest_table(statistics, {"R22": "R22 - Hay meadow"}, PAPER_HABITAT_STATISTICS.widest)
    assert table.rows == (
        ("R22 - Hay meadow", 300_000, 750, 75.0),
        ("T17", 100_000, 250, 25.0),
        ("R22 (paper 1)", 681_500_000, 1_703_750, 12.27),
    )


def test_a_map_of_nothing_has_no_widest_habitat():
    statistics = statistics_of({"R22": 0})
    assert area_table(statistics).rows[-1][1] != area_table(statistics).rows[-1][1]
    assert widest_table(statistics, {}).rows == ()


def test_more_habitats_than_named_are_counted():
    statistics = statistics_of(dict.fromkeys(FORESTS, 1), widest=2)
    assert widest_table(statistics, {}).note == "19 more habitats are mapped."


def test_covers_and_rules_have_shares():
    table = cover_table({"R": 30, "Urban": 10, "T": 0}, {"R": "Grass"}, resolution=1000)
    assert table.rows == (("Grass", 30, 30, 75.0), ("Urban", 10, 10, 25.0))
    assert rule_table({"first": 3, "never": 0, "town": 1}).rows == (
        ("first", 3, 75.0),
        ("town", 1, 25.0),
    )
    assert rule_table({}).rows == ()


def test_agreement_stands_beside_the_plainest_map():
    found = Agreement(8, (6, 4, 2), 5, 1, Counter({7107: 5, 7101: 1, 5202: 2}))
    ours, plainest = agreement_table({"map": found}).rows
    assert ours == ("map", 0.75, 0.5, 0.25, 0.625, 8, 1)
    assert plainest[1:4] == (0.75, 0.75, 0.625)
    (row,) = formation_agreement_table({"T": found}).rows
    assert row == ("Forests and other wooded land (T)", 0.5, 0.25, 0.625, 8, 1)


def test_a_map_of_others_has_a_line_a_level():
    pairs = Counter({(7107, 7107): 3, (7107, 5202): 1, (5202, 65_535): 1})
    found = {3: Compared(pairs, among=4, mixed=2)}
    table = reference_table({"austria": found})
    line = dict(zip(table.columns, table.rows[0], strict=True))
    assert (line["map of others"], line["level"], line["cells"]) == ("austria", 3, 5)
    assert (line["agree"], line["among 3"]) == (0.6, 0.8)
    assert (line["without a habitat here"], line["too mixed there"]) == (1, 2)
    # T17: 3 of 3 named, 3 of 4 found; R22: 0 of 1 named, 0 of 1 found.
    assert (line["precision"], line["recall"]) == (0.5, 0.375)
    classes = reference_class_table("austria", found[3], {"T17": "Beech"})
    assert classes.rows[0] == ("Beech", 4, 1.0, 0.75, 0.857)


def test_the_map_at_external_plots_says_what_overlaps():
    mapped = MappedPlots(np.array([[7107, 0], [5202, 0]], np.uint16), (("T17",), ("R22",)))
    row = evaluate_map("danube", mapped)
    table = map_score_table([row], {"danube": "3 of 5 plots are among the training plots"})
    assert table.columns == ("plots from", "Level 1", "Level 2", "Level 3", "Top-3", "plots")
    assert table.rows == (("danube", 0.5, 0.5, 0.5, 0.5, 2),)
    assert "danube: 1 of 2 plots lie where the map has no habitat." in table.note
    assert "danube: 3 of 5 plots are among the training plots." in table.note
    assert map_score_table([], {}).rows == ()
