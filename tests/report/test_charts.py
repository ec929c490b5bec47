import numpy as np

from biomap_xr.evaluation.intervals import Interval
from biomap_xr.evaluation.tables import Measure, Row
from biomap_xr.report.charts import area_chart, evaluation_chart
from biomap_xr.report.drawing import png
from biomap_xr.report.palette import DARK

SPREAD = Interval(0.8, 0.95, 0.95, 100, 9)
ROWS = (
    Row("all $", (Measure("AUC", 0.9, "species", 9, 0, SPREAD), Measure("Recall@7", 0.5))),
    Row("climate", (Measure("AUC", float("nan"), "species", 0, 9), Measure("Recall@7", 0.4))),
)


def test_one_panel_a_metric_and_one_dot_a_model() -> None:
    figure = evaluation_chart(ROWS, theme=DARK)
    auc, recall = figure.axes
    assert [text.get_text() for text in auc.texts] == ["AUC", "paper 1: 0.931"]
    assert [text.get_text() for text in recall.texts] == ["Recall@7", "not in paper 1"]
    # Interval, dot and the paper's line; the model without an AUC has no dot.
    assert len(auc.lines) == 3
    assert auc.lines[0].get_xdata().tolist() == [0.8, 0.95]
    assert len(recall.lines) == 2
    assert png(figure).startswith(b"\x89PNG")


def test_the_first_model_is_on_top() -> None:
    axes = evaluation_chart(ROWS).axes[0]
    low, high = axes.get_ylim()
    assert low > high
    assert [label.get_text() for label in axes.get_yticklabels()] == ["all $", "climate"]


def test_areas_fall_and_leave_out_absent_species() -> None:
    figure = area_chart(np.array([0, 100, 400, 0]), resolution=50)
    line = figure.axes[0].lines[0]
    assert line.get_ydata().tolist() == [1.0, 0.25]
    assert png(figure).startswith(b"\x89PNG")


def test_a_map_of_no_species_has_an_empty_chart() -> None:
    assert png(area_chart(np.zeros(3, np.int64), resolution=50)).startswith(b"\x89PNG")
