import json

import numpy as np

from biomap_xr.evaluation.map_statistics import summarise
from biomap_xr.evaluation.metrics import Score
from biomap_xr.evaluation.tables import Measure, Row
from biomap_xr.evaluation.truth import MapErrors, RichnessError, Skill, TruthComparison
from biomap_xr.report.content import Fact, ReportContent, Table, metrics_record

NAN = float("nan")


def test_an_empty_report_is_valid_json_with_the_papers_numbers() -> None:
    record = json.loads(json.dumps(metrics_record(ReportContent("empty")), allow_nan=False))
    assert record["evaluation"]["models"] == []
    assert record["evaluation"]["paper_1"][3]["measures"]["AUC"]["value"] == 0.931
    assert record["map"]["this_run"] is None
    assert record["map"]["paper_1"]["mapped"] == 5558


def test_every_part_of_a_report_is_in_the_record() -> None:
    statistics = summarise(np.array([4, 0]), ["a", "b"], valid=8, resolution=50)
    content = ReportContent(
        "full",
        summary=(Fact("tiles", "6"),),
        evaluation=(Row("all", (Measure("AUC", NAN, "species", 0, 2),)),),
        truth=(
            TruthComparison(
                "surveys alone",
                Skill(Score(0.8, 2, 0), Score(0.9, 2, 0)),
                RichnessError(2.0, 20.0, -1.0, 7),
                MapErrors(RichnessError(6.0, 30.0, -6.0, 99), RichnessError(3.0, 20.0, 1.0, 99)),
            ),
        ),
        statistics=statistics,
        thresholds=(Table("limits", ("name", "value"), (("best", NAN), ("worst", 0.1))),),
    )
    record = json.loads(json.dumps(metrics_record(content), allow_nan=False))
    assert record["summary"] == {"tiles": "6"}
    assert record["evaluation"]["models"][0]["measures"]["AUC"]["value"] is None
    truth = record["truth"][0]
    assert (truth["auc"], truth["auc_of_the_truth"], truth["species"]) == (0.8, 0.9, 2)
    assert truth["richness_at_surveys"]["relative"] == 0.1
    assert truth["richness_of_plots_over_the_map"]["relative"] == 0.15
    assert truth["richness_of_cells_over_the_map"]["bias"] == -6.0
    assert record["map"]["this_run"]["widest"][0] == {
        "name": "a", "cells": 4, "area_km2": 0.01, "share": 0.5,
    }  # fmt: skip
    assert record["thresholds"][0]["rows"] == [["best", None], ["worst", 0.1]]


def test_pairs_make_a_table_without_headings() -> None:
    table = Table.of_pairs("sites", {"taken": 3, "left": None})
    assert (table.columns, table.rows) == ((), (("taken", 3), ("left", None)))
