"""The evaluation table: what a run reaches on held-out surveys, beside paper 1, table 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from biomap_xr.evaluation.intervals import Interval, MacroAuc, Metric, SurveyMean, interval
from biomap_xr.evaluation.metrics import Score, assemblage, f_score_by_survey, recall_by_survey
from biomap_xr.evaluation.settings import EvaluationSettings


@dataclass(frozen=True)
class Measure:
    """One number of the table."""

    name: str
    """As paper 1 names the column, such as ``Recall@50``."""
    value: float
    """0 to 1; NaN where it is not defined."""
    counts: str = ""
    """What it is a mean over: species or surveys; empty for a published number."""
    used: int | None = None
    excluded: int | None = None
    """How many of them have no value and were left out."""
    interval: Interval | None = None

    def record(self) -> dict[str, Any]:
        """Return the measure as plain values for JSON."""
        found: dict[str, Any] = {"value": _plain(self.value)}
        if self.used is not None:
            found |= {"over": self.counts, "used": self.used, "excluded": self.excluded}
        if self.interval is not None:
            found |= {
                "low": _plain(self.interval.low),
                "high": _plain(self.interval.high),
                "level": self.interval.level,
                "replicates": self.interval.replicates,
                "blocks": self.interval.blocks,
            }
        return found


@dataclass(frozen=True)
class Row:
    """One model of the table."""

    name: str
    measures: tuple[Measure, ...]
    note: str = ""

    def measure(self, name: str) -> Measure | None:
        """Return the measure of a column, None where the row has none.

        >>> PAPER_TABLE[-1].measure("AUC").value
        0.931
        """
        return next((measure for measure in self.measures if measure.name == name), None)

    def record(self) -> dict[str, Any]:
        """Return the row as plain values for JSON."""
        measures = {measure.name: measure.record() for measure in self.measures}
        return {"model": self.name, "note": self.note, "measures": measures}


def _published(name: str, values: Sequence[float]) -> Row:
    columns = ("AUC", "F-score", "Recall@50", "Recall@250")
    pairs = zip(columns, values, strict=True)
    return Row(name, tuple(Measure(column, value) for column, value in pairs))


PAPER_TABLE: tuple[Row, ...] = (
    _published("Sentinel-2", (0.898, 0.258, 0.524, 0.848)),
    _published("Climate", (0.891, 0.273, 0.544, 0.872)),
    _published("Landsat", (0.920, 0.312, 0.595, 0.873)),
    _published("All", (0.931, 0.338, 0.639, 0.908)),
)
"""Paper 1, table 1: Europe, 11,255 species, another test set than any run of ours."""


def evaluate(
    name: str,
    targets: ArrayLike,
    scores: ArrayLike,
    threshold: ArrayLike,
    blocks: ArrayLike | None = None,
    *,
    settings: EvaluationSettings | None = None,
) -> Row:
    """Score a model on held-out surveys: AUC, F-score and every Recall@K, each with its interval.

    Args:
        name: the model, in plain words.
        targets: presence ``(surveys, species)``.
        scores: predicted probabilities ``(surveys, species)``, 0 to 1.
        threshold: of presence, one number or one per species ``(species,)``, for the F-score.
        blocks: the spatial block of every survey; without it, or where all surveys lie in one
            block, no interval is given.
        settings: K values and how intervals are made.

    >>> evaluate("coin", [[0, 1], [1, 0]], [[0.1, 0.9], [0.8, 0.2]], 0.5).measure("F-score").value
    1.0
    """
    chosen = settings or EvaluationSettings()
    found = f_score_by_survey(targets, assemblage(scores, threshold))
    metrics: list[tuple[str, str, Metric]] = [
        ("AUC", "species", MacroAuc(targets, scores)),
        ("F-score", "surveys", SurveyMean(found)),
    ]
    for k in chosen.recall_at:
        recall = SurveyMean(recall_by_survey(targets, scores, k))
        metrics.append((f"Recall@{k}", "surveys", recall))
    return Row(name, tuple(measured(*metric, blocks, chosen) for metric in metrics))


def measured(
    name: str,
    counts: str,
    metric: Metric,
    blocks: ArrayLike | None,
    settings: EvaluationSettings,
) -> Measure:
    """Compute a metric and its interval.

    Args:
        name: of the column.
        counts: what the metric is a mean over, in plain words.
        metric: of surveys or plots.
        blocks: of every survey ``(surveys,)`` or ``(surveys, 2)``; None gives no interval.
        settings: how intervals are made.
    """
    score: Score = metric.score()
    # One block cannot be resampled: a table without an interval beats no table.
    several = blocks is not None and len(np.unique(np.asarray(blocks), axis=0)) > 1
    spread = None
    if blocks is not None and several and score.used:
        spread = interval(
            metric,
            blocks,
            replicates=settings.replicates,
            level=settings.level,
            seed=settings.seed,
        )
    return Measure(name, score.value, counts, score.used, score.excluded, spread)


def column_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of the columns of several rows, in the order in which they first appear.

    >>> column_names(PAPER_TABLE)
    ('AUC', 'F-score', 'Recall@50', 'Recall@250')
    """
    return tuple(dict.fromkeys(measure.name for row in rows for measure in row.measures))


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return None if np.isnan(value) else float(value)
