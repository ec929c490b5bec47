import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from biomap_xr.evaluation.metrics import Score, recall_by_survey
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import PAPER_TABLE, Measure, Row, column_names, evaluate

FEW = EvaluationSettings(recall_at=(3, 10), replicates=50)


def surveys() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    scores = random.random((120, 20))
    targets = random.random((120, 20)) < scores**2
    return targets, scores, random.integers(0, 8, 120)


def test_a_row_holds_the_metrics_of_the_paper_with_intervals() -> None:
    targets, scores, blocks = surveys()
    row = evaluate("all", targets, scores, 0.5, blocks, settings=FEW)
    assert column_names([row]) == ("AUC", "F-score", "Recall@3", "Recall@10")
    expected = {
        "AUC": roc_auc_score(targets, scores, average="macro"),
        "F-score": f1_score(targets, scores >= 0.5, average="samples", zero_division=0.0),
        "Recall@3": Score.of(recall_by_survey(targets, scores, 3)).value,
    }
    for name, value in expected.items():
        measure = row.measure(name)
        assert measure is not None
        assert measure.value == pytest.approx(value)
        assert measure.interval is not None
        assert measure.interval.low < value < measure.interval.high


def test_block_numbers_of_two_columns_give_the_interval_of_their_labels() -> None:
    targets, scores, blocks = surveys()
    pairs = np.stack([blocks // 3, blocks % 3], axis=1)
    named = evaluate("all", targets, scores, 0.5, blocks, settings=FEW)
    numbered = evaluate("all", targets, scores, 0.5, pairs, settings=FEW)
    assert named == numbered


@pytest.mark.parametrize("blocks", [None, np.zeros(120)])
def test_without_several_blocks_there_is_no_interval(blocks: np.ndarray | None) -> None:
    targets, scores, _ = surveys()
    row = evaluate("all", targets, scores, 0.5, blocks, settings=FEW)
    assert [measure.interval for measure in row.measures] == [None] * 4


def test_a_metric_that_is_not_defined_is_null_in_json() -> None:
    row = evaluate("none", np.zeros((4, 3)), np.zeros((4, 3)), 0.5, [1, 1, 2, 2], settings=FEW)
    record = json.loads(json.dumps(row.record(), allow_nan=False))
    assert record["measures"]["AUC"] == {"value": None, "over": "species", "used": 0, "excluded": 3}


def test_thresholds_may_be_one_per_species() -> None:
    row = evaluate("each", [[1, 1]], [[0.2, 0.8]], [0.1, 0.9], settings=FEW)
    measure = row.measure("F-score")
    assert measure is not None
    assert measure.value == pytest.approx(2 / 3)


def test_the_paper_has_four_rows_and_no_counts() -> None:
    assert [row.name for row in PAPER_TABLE] == ["Sentinel-2", "Climate", "Landsat", "All"]
    assert PAPER_TABLE[1].record()["measures"]["Recall@250"] == {"value": 0.872}


def test_columns_keep_the_order_of_first_appearance() -> None:
    rows = [
        Row("a", (Measure("AUC", 1.0),)),
        Row("b", (Measure("Recall@5", 1.0), Measure("AUC", 1.0))),
    ]
    assert column_names(rows) == ("AUC", "Recall@5")
    assert rows[0].measure("Recall@5") is None
