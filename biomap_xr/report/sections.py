"""Tables of a report from what other rooms say of their work."""

from pathlib import PurePath

import numpy as np

from biomap_xr.covariates.selection import Selection
from biomap_xr.observations.report import Report, Step, TableReport
from biomap_xr.report.content import Table
from biomap_xr.species.thresholds import Thresholds


def observation_tables(report: Report) -> tuple[Table, ...]:
    """Say what became of the rows of every table of observations, and how many sites they made."""
    sites = {
        "records on the grid": report.occurrences,
        "repeated presences, merged": report.repeated,
        "cells without the target group, left out": report.other_group_cells,
        "species with too few sites, left out": report.rare_species,
        "sites (cells of the grid)": report.sites,
        "sites with a survey": report.surveyed,
        "background sites drawn at random": report.background,
        "species": report.species,
        "presences (species x site)": report.presences,
    }
    filters = tuple(_filter_table(table) for table in report.tables)
    return (*filters, Table.of_pairs("From records to sites", sites))


def _filter_table(table: TableReport) -> Table:
    rows = tuple(
        (step.name, step.rows_in, step.rows_in - step.rows_out, _failed(step))
        for step in table.steps
    )
    return Table(
        f"{PurePath(table.path).name} ({table.kind})",
        ("filter", "rows before", "rows left out", "most frequent values that failed"),
        rows,
        f"{table.taken:,} of {table.rows:,} rows were taken.",
    )


def _failed(step: Step) -> str:
    return ", ".join(f"{value} ({count:,})" for value, count in step.failed.items())


def selection_table(selection: Selection) -> Table:
    """Say which predictors were kept, and which were left out for being too much alike."""
    kept = tuple((name, "kept", "", None) for name in selection.kept)
    dropped = tuple(
        (drop.name, "left out", drop.partner, round(drop.correlation, 3))
        for drop in selection.dropped
    )
    return Table(
        "Least correlated predictors",
        ("predictor", "", "most like", "correlation"),
        (*kept, *dropped),
        f"Left out where the correlation with a kept predictor exceeds {selection.threshold:g}; "
        f"measured at {selection.samples:,} places.",
    )


def threshold_table(thresholds: Thresholds) -> Table:
    """Say how presence thresholds were chosen and how high they are."""
    rows = (
        ("best F-score, one for all species", thresholds.f_score_global, None, None),
        ("best F-score, per species", *_quartiles(thresholds.f_score)),
        ("conformal, pooled over species", thresholds.conformal_pooled, None, None),
        ("conformal, per species", *_quartiles(thresholds.conformal)),
    )
    return Table(
        "Presence thresholds",
        ("threshold", "value or median", "lower quartile", "upper quartile"),
        rows,
        f"Chosen on {thresholds.surveys:,} calibration surveys, which training never saw. The "
        f"conformal ones miss at most {thresholds.omission:.0%} of the presences; "
        f"{sum(thresholds.pooled):,} of {len(thresholds.pooled):,} species, with fewer than "
        f"{thresholds.minimum_presences} presences, take the pooled one.",
    )


def _quartiles(values: tuple[float, ...]) -> tuple[float, float, float]:
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
    return float(median), float(lower), float(upper)
