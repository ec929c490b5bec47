"""The report of a run: one page that needs nothing beside it, and its numbers as JSON."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from biomap_xr.evaluation.map_statistics import PAPER_STATISTICS, MapStatistics
from biomap_xr.evaluation.tables import PAPER_TABLE, column_names
from biomap_xr.report.content import ReportContent, metrics_record
from biomap_xr.report.palette import DARK, LIGHT
from biomap_xr.run.durable import publish
from biomap_xr.species.settings import ThresholdKind

NOTHING = "–"
PRESENCE: dict[ThresholdKind, str] = {
    "f_score_global": "A species counts as present from one threshold for all{} on, that of the "
    "best F-score, as in paper 1.",
    "f_score": "A species counts as present from its own threshold on, that of its best F-score. "
    "Paper 1 has one threshold for all species, so that its numbers are not quite comparable.",
    "conformal": "A species counts as present from its own conformal threshold on. Paper 1 has one "
    "threshold of the best F-score for all species, so that its numbers are not quite comparable.",
}
"""The threshold behind the statistics of the map in words; braces hold its value."""


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written."""

    page: Path
    metrics: Path


def write_report(content: ReportContent, folder: Path) -> ReportFiles:
    """Write ``index.html`` and ``metrics.json`` into a folder, each whole or not at all.

    Args:
        content: all that the report says.
        folder: of the report; made where it is missing.
    """
    files = ReportFiles(folder / "index.html", folder / "metrics.json")
    record = json.dumps(metrics_record(content), indent=2, ensure_ascii=False, allow_nan=False)
    # The page last: where it is, its numbers are.
    publish(files.metrics, record + "\n")
    publish(files.page, render(content))
    return files


def render(content: ReportContent) -> str:
    """Return the report as one HTML page with its pictures inside.

    Every text is escaped; the page's policy forbids scripts and any request to elsewhere.
    """
    # The run's own K values first; paper 1 adds the columns that the run has not.
    columns = column_names([*content.evaluation, *PAPER_TABLE])
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            content=content,
            columns=columns,
            paper=PAPER_TABLE,
            paper_map=PAPER_STATISTICS,
            light=LIGHT,
            dark=DARK,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("biomap_xr.report", "."),
        # The default decides by the file's name and would leave a `.jinja` file as it is.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _data_uri(picture: bytes) -> str:
    return f"data:image/png;base64,{b64encode(picture).decode()}"


def places(value: float | None, digits: int = 3) -> str:
    """Write a number with so many decimals, a dash where there is none.

    >>> places(0.93149), places(float("nan"))
    ('0.931', '–')
    """
    return NOTHING if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def compact(value: float) -> str:
    """Write a count or an area so that it is read at a glance.

    >>> compact(132.8e6), compact(332_000.0), compact(16.25), compact(0)
    ('132.8 million', '332,000', '16.2', '0')
    """
    for unit, word in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= unit:
            return f"{value / unit:,.4g} {word}"
    whole = abs(value) >= 100 or float(value).is_integer()
    return f"{value:,.0f}" if whole else f"{value:.1f}"


def percent(value: float | None) -> str:
    """Write a share as a percentage.

    >>> percent(0.586), percent(0.0004), percent(1.0)
    ('58.6%', '0.040%', '100%')
    """
    if value is None or not np.isfinite(value):
        return NOTHING
    if 0 < abs(value) < 0.001:
        return f"{value:.3%}"
    return f"{value:.0%}" if value in {0, 1} else f"{value:.1%}"


def cell(value: Any) -> str:
    """Write a table's cell: numbers with separators or three significant digits, no None.

    >>> cell(12345), cell(0.07114), cell("EPSG:3035"), cell(None)
    ('12,345', '0.0711', 'EPSG:3035', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, float):
        return f"{value:.3g}" if np.isfinite(value) else NOTHING
    return f"{value:,}"


def presence(statistics: MapStatistics) -> str:
    """Say from which probability on a species counts as present on the map.

    >>> presence(PAPER_STATISTICS)
    'A species counts as present from one threshold for all on, that of the best F-score, as in \
paper 1.'
    """
    if statistics.presence is None:
        return ""
    known = "" if statistics.threshold is None else f" ({statistics.threshold:.3f})"
    return PRESENCE[statistics.presence].format(known)


FILTERS: dict[str, Callable[..., str]] = {
    "data_uri": _data_uri,
    "places": places,
    "compact": compact,
    "percent": percent,
    "presence": presence,
    "cell": cell,
}
