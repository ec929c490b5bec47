"""Reading the vegetation plots that a recipe names."""

from collections.abc import Callable

from biomap_xr.errors import InputError
from biomap_xr.observations.curation import Normalise, curate
from biomap_xr.observations.plot_assembly import assemble
from biomap_xr.observations.plot_filters import filter_plots
from biomap_xr.observations.plot_report import CurationReport, PlotStep, TableSteps, counts_of
from biomap_xr.observations.plot_settings import (
    EvaTable,
    EventTable,
    LabelTable,
    LongTable,
    PlantBertTable,
    PlotSettings,
    WideTable,
)
from biomap_xr.observations.plots import Plots, joined
from biomap_xr.sources.vegetation.columns import (
    EVA_COVERS,
    EVA_HEADER,
    PLANTBERT_COVERS,
    PLANTBERT_HEADER,
)
from biomap_xr.sources.vegetation.events import read_events
from biomap_xr.sources.vegetation.raw import RawPlots
from biomap_xr.sources.vegetation.reading import read_labels, read_long, read_wide

READERS: dict[type, Callable[..., RawPlots]] = {
    PlantBertTable: lambda table: read_long(
        table.species, table.header, (PLANTBERT_COVERS, PLANTBERT_HEADER), table.written
    ),
    EvaTable: lambda table: read_long(
        table.species, table.header, (EVA_COVERS, EVA_HEADER), table.written
    ),
    EventTable: lambda table: read_events(
        table.event, table.occurrence, table.measurement, table.written
    ),
    LongTable: lambda table: read_long(
        table.species, table.header, (table.columns, table.header_columns), table.written
    ),
    WideTable: lambda table: read_wide(
        table.species, table.header, (table.columns, table.header_columns), table.written
    ),
    LabelTable: lambda table: read_labels(table.header, table.header_columns, table.written),
}
"""How a table of each kind is read."""


def observe_plots(settings: PlotSettings, normalise: Normalise) -> tuple[Plots, CurationReport]:
    """Read, filter and curate the plots of a recipe.

    Args:
        settings: Tables, filters and curation.
        normalise: Returns a habitat code in its one spelling, or raises InputError (see
            `biomap_xr.observations.curation.Normalise`).

    Returns:
        The curated plots and what became of the others.

    Raises:
        InputError: A table cannot be read, does not fit, or no plot is left.
    """
    plots, tables, filtered = gather_plots(settings)
    plots, steps = curate(plots, settings.curation, normalise)
    return plots, CurationReport(tables, (*filtered, *steps), counts_of(plots))


def gather_plots(
    settings: PlotSettings,
) -> tuple[Plots, tuple[TableSteps, ...], tuple[PlotStep, ...]]:
    """Read and filter the plots of a recipe; names and labels stay as written.

    An expert system reads plots so: its rules know names that curation leaves out.

    Returns:
        The plots that pass the filters, what became of each table, and a step for each filter.

    Raises:
        InputError: A table cannot be read, does not fit, or no plot passes.
    """
    parts, tables = [], []
    for table in settings.tables:
        raw = READERS[type(table)](table)
        plots, steps = assemble(raw, table, settings.headerless)
        parts.append(plots)
        tables.append(TableSteps(str(raw.path), table.kind, steps))
    plots, filtered = filter_plots(joined(parts), settings.filters)
    if not len(plots):
        lost = "; ".join(f"{s.name} {s.before.plots} to {s.after.plots}" for s in filtered)
        raise InputError(
            f"none of {sum(map(len, parts))} plots passes the filters ({lost or 'none is on'}); "
            "expected some: filter less, or name tables with plots"
        )
    return plots, tuple(tables), filtered
