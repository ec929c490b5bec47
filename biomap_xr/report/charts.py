"""Charts for a report: the evaluation beside paper 1, and how widespread species are."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from biomap_xr.evaluation.tables import PAPER_TABLE, Measure, Row, column_names
from biomap_xr.report.drawing import dress, entitle
from biomap_xr.report.lettering import drawable
from biomap_xr.report.palette import LIGHT, Theme


def evaluation_chart(rows: Sequence[Row], *, theme: Theme = LIGHT) -> Figure:
    """Draw every measure of every model with its interval, and paper 1's for all modalities.

    Args:
        rows: models of a run, the first one on top.
        theme: colours of the page.
    """
    columns = column_names(rows)
    size = (2.1 * len(columns) + 1.4, 0.36 * len(rows) + 1.2)
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.paper)
    panels = list(figure.subplots(1, len(columns), sharey=True, squeeze=False)[0])
    for axes, column in zip(panels, columns, strict=True):
        _panel(axes, rows, column, theme)
    panels[0].set_yticks(range(len(rows)), [drawable(row.name) for row in rows])
    for label in panels[0].get_yticklabels():
        label.set(color=theme.ink, fontsize=9, parse_math=False)
    # Upside down: the first model stands on top, as in the table.
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], column: str, theme: Theme) -> None:
    # All modalities together: the last row of paper 1, table 1.
    published = PAPER_TABLE[-1].measure(column)
    for place, row in enumerate(rows):
        measure = row.measure(column)
        if measure is not None and np.isfinite(measure.value):
            _dot(axes, measure, place, theme)
    if published is not None:
        axes.axvline(published.value, color=theme.reference, linewidth=1.2, linestyle=(0, (4, 3)))
    dress(axes, theme)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=theme.line, linewidth=0.6, alpha=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    note = f"paper 1: {published.value:.3f}" if published is not None else "not in paper 1"
    entitle(axes, column, note, theme)


def _dot(axes: Axes, measure: Measure, place: int, theme: Theme) -> None:
    spread = measure.interval
    if spread is not None:
        axes.plot(
            [spread.low, spread.high], [place] * 2, color=theme.accent, linewidth=2, alpha=0.6
        )
    axes.plot(measure.value, place, "o", color=theme.accent, markersize=6.5)


def area_chart(cells: NDArray[np.int64], *, resolution: float, theme: Theme = LIGHT) -> Figure:
    """Draw the area of every mapped species, the most widespread first.

    Args:
        cells: cells in which each species is present ``(species,)``; those of none are left out.
        resolution: side of a cell in metres.
        theme: colours of the page.
    """
    area = np.sort(cells[cells > 0])[::-1] * resolution**2 / 1e6
    figure = Figure(figsize=(7.2, 3.0), layout="constrained", facecolor=theme.paper)
    axes = figure.subplots()
    rank = np.arange(1, area.size + 1)
    axes.fill_between(rank, area, step="mid", color=theme.accent, alpha=0.22, linewidth=0)
    axes.step(rank, area, where="mid", color=theme.accent, linewidth=1.6)
    # A logarithm of nothing warns.
    if area.size:
        axes.set_yscale("log")
    # Plain numbers: an exponent is no area that a person can see.
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("rank of the species by area", color=theme.quiet, fontsize=8.5)
    axes.set_ylabel("area (km²)", color=theme.quiet, fontsize=8.5)
    axes.set_xlim(0, area.size + 1)
    dress(axes, theme)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    entitle(
        axes,
        "How widespread the species are",
        f"{area.size} species that are present somewhere",
        theme,
    )
    return figure
