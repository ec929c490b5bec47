"""What a report says, as one frozen value; how it looks is the template's affair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from biomap_xr.evaluation.map_statistics import PAPER_STATISTICS, MapStatistics
from biomap_xr.evaluation.tables import PAPER_TABLE, Row, column_names
from biomap_xr.evaluation.truth import RichnessError, TruthComparison

Cell = str | int | float | None


@dataclass(frozen=True)
class Fact:
    """One number or phrase of the run's summary."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under named columns."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False
    """Whether a reader opens it first: complete tables are long."""
    decimals: int | None = None
    """Of fractions; three significant digits where left out."""

    @classmethod
    def of_pairs(cls, caption: str, pairs: Mapping[str, Cell], note: str = "") -> "Table":
        """Make a table of two columns without headings.

        >>> Table.of_pairs("Software", {"numpy": "2.4"}).rows
        (('numpy', '2.4'),)
        """
        return cls(caption, (), tuple(pairs.items()), note)

    def record(self) -> dict[str, Any]:
        """Return the table as plain values for JSON."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        return {"caption": self.caption, "columns": list(self.columns), "rows": rows}


@dataclass(frozen=True, eq=False)
class Picture:
    """One figure, drawn for a light and for a dark page."""

    name: str
    """Short and unique, such as ``richness``."""
    alt: str
    """What it shows, for who cannot see it."""
    caption: str
    light: bytes
    """PNG."""
    dark: bytes
    """PNG."""


@dataclass(frozen=True)
class Scoreboard:
    """Models scored side by side, with published numbers as a landmark."""

    caption: str
    rows: tuple[Row, ...]
    published: tuple[Row, ...] = ()
    source: str = ""
    """Where the published rows stand."""
    note: str = ""
    folded: bool = False
    """Whether a reader opens it first."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the measures, those of this run first."""
        return column_names((*self.rows, *self.published))

    def record(self) -> dict[str, Any]:
        """Return the scores as plain values for JSON."""
        return {
            "caption": self.caption,
            "models": [row.record() for row in self.rows],
            "published": [row.record() for row in self.published],
        }


@dataclass(frozen=True, eq=False)
class Section:
    """One part of a report about habitats."""

    name: str
    """Short and unique, such as ``habitats-by-species``."""
    title: str
    introduction: str
    scoreboards: tuple[Scoreboard, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the numbers as plain values for JSON."""
        return {
            "name": self.name,
            "scoreboards": [each.record() for each in self.scoreboards],
            "tables": [each.record() for each in self.tables],
        }


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything that one report says; parts that a run does not have are left empty."""

    title: str
    lead: str = ""
    """What was mapped, in one or two sentences."""
    unfinished: tuple[str, ...] = ()
    """Maps of which tiles are missing: how many are shown of how many."""
    summary: tuple[Fact, ...] = ()
    maps: tuple[Picture, ...] = ()
    evaluation: tuple[Row, ...] = ()
    """Models of this run on its held-out surveys."""
    evaluation_note: str = ""
    evaluation_chart: Picture | None = None
    truth: tuple[TruthComparison, ...] = ()
    """Models beside the truth of a simulated Europe, with and without presence-only records."""
    statistics: MapStatistics | None = None
    area_chart: Picture | None = None
    habitats: tuple[Section, ...] = ()
    thresholds: tuple[Table, ...] = ()
    observations: tuple[Table, ...] = ()
    predictors: tuple[Table, ...] = ()
    provenance: tuple[Table, ...] = ()


def metrics_record(content: ReportContent) -> dict[str, Any]:
    """Return all numbers of a report as plain values, as ``report/metrics.json`` holds them."""
    statistics = content.statistics.record() if content.statistics else None
    tables = ("thresholds", "observations", "predictors", "provenance")
    return {
        "title": content.title,
        "unfinished": list(content.unfinished),
        "summary": {fact.label: fact.value for fact in content.summary},
        "evaluation": {
            "models": [row.record() for row in content.evaluation],
            "paper_1": [row.record() for row in PAPER_TABLE],
        },
        "truth": [_truth_record(comparison) for comparison in content.truth],
        "habitats": [section.record() for section in content.habitats],
        "map": {"this_run": statistics, "paper_1": PAPER_STATISTICS.record()},
        **{name: [table.record() for table in getattr(content, name)] for name in tables},
    }


def _truth_record(comparison: TruthComparison) -> dict[str, Any]:
    skill, over_map = comparison.skill, comparison.map
    return {
        "model": comparison.name,
        "auc": _plain(skill.model.value),
        "auc_of_the_truth": _plain(skill.truth.value),
        "share_of_skill": _plain(skill.share),
        "species": skill.model.used,
        "richness_at_surveys": _richness_record(comparison.surveys),
        "richness_of_plots_over_the_map": _richness_record(over_map.plot) if over_map else None,
        "richness_of_cells_over_the_map": _richness_record(over_map.cell) if over_map else None,
    }


def _richness_record(error: RichnessError) -> dict[str, Any]:
    return {
        "mean_absolute_error": _plain(error.mean_absolute_error),
        "true_mean": _plain(error.true_mean),
        "relative": _plain(error.relative),
        "bias": _plain(error.bias),
        "count": error.count,
    }


def _plain(value: Cell) -> Cell:
    """JSON has neither NaN nor infinity."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
