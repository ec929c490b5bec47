"""Rows of every table as occurrences on the grid: filtered, identified, located."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid, Points
from biomap_xr.observations.filters import apply_filters
from biomap_xr.observations.report import Step, TableReport, counted, listed
from biomap_xr.observations.settings import ObservationSettings, Table
from biomap_xr.observations.table import (
    check_surveys,
    named_by_list,
    species_index,
    species_table,
)

NAMES = ("survey_id", "patch_id", "time_series_id")
"""Text columns that a site keeps of the occurrence that speaks for it; "" for none."""
OCCURRENCE = ("surveyed", "row", "column", "species", "year", "day", *NAMES)
"""An occurrence: from a survey or not, its cell, its species' index (negative: none, the row only
says that somebody surveyed), its date (0 for unknown) and its names."""
LATEST = {"year": 9999, "day": 366}


def gather(
    frames: Sequence[pd.DataFrame], settings: ObservationSettings, grid: Grid
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[TableReport, ...]]:
    """Bring the rows of all tables onto the grid.

    Args:
        frames: The rows of each of ``settings.tables``, in their order, with canonical columns.
        settings: Filters, identity of species, policies.
        grid: Cells outside it are left out and counted.

    Returns:
        Occurrences with the columns of `OCCURRENCE`; the species table; a report per table.

    Raises:
        InputError: Frames and tables do not pair up, or a table does not fit (see the steps).
    """
    if len(frames) != len(settings.tables):
        raise InputError(
            f"{len(frames)} frames were given for {len(settings.tables)} tables of the recipe; "
            "expected one a table, in the recipe's order"
        )
    tables = settings.tables
    taken = [
        apply_filters(frame, table.filters) for frame, table in zip(frames, tables, strict=True)
    ]
    # Filters come first: what the recipe does not take can neither disagree nor be unknown.
    kept = [frame for frame, _ in taken]
    if settings.identity == "list":
        kept = [named_by_list(frame, table) for frame, table in zip(kept, tables, strict=True)]
    surveys = [frame for frame, table in zip(kept, tables, strict=True) if table.kind == "survey"]
    if surveys:
        check_surveys(pd.concat(surveys, ignore_index=True), settings)
    species = species_table(kept, settings)
    parts, reports = [], []
    for rows, frame, (_, steps), table in zip(frames, kept, taken, tables, strict=True):
        part, further = _placed(frame, table, (species, settings, grid))
        parts.append(part)
        reports.append(_reported(rows, table, (*steps, *further)))
    return pd.concat(parts, ignore_index=True), species, tuple(reports)


def locate(longitude: NDArray[np.float64], latitude: NDArray[np.float64], grid: Grid) -> Cells:
    """Return the cell of each place in degrees (WGS 84), arrays ``(places,)``; -1 outside."""
    x, y = _projection(str(grid.crs)).transform(longitude, latitude)
    # The far side of the earth has no place in a projection: PROJ says infinity there.
    possible = np.isfinite(x) & np.isfinite(y)
    west, south, _, _ = grid.geobox.boundingbox
    beyond = Points(np.where(possible, x, west - 1.0), np.where(possible, y, south - 1.0))
    return grid.cells_of(beyond)


@cache
def _projection(crs: str) -> Transformer:
    """Return the way from degrees (WGS 84) to a CRS; PROJ takes long to find it."""
    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _placed(
    frame: pd.DataFrame, table: Table, context: tuple[pd.DataFrame, ObservationSettings, Grid]
) -> tuple[pd.DataFrame, tuple[Step, Step]]:
    """Return a table's rows as occurrences, and the steps ``species`` and ``grid``."""
    species, settings, grid = context
    index = species_index(frame, table, species, settings)
    surveyed = table.kind == "survey"
    # A survey row without a usable species still says that the plot was surveyed; a record says
    # nothing.
    passes = (index >= 0) | surveyed
    column = "species_id" if settings.identity == "id" else "species"
    lost = counted(frame.loc[index < 0, column])
    named = Step("species", len(frame), int(passes.sum()), lost)
    frame, index = frame[passes], index[passes]
    places = [frame[name].to_numpy(np.float64) for name in ("longitude", "latitude")]
    cells = locate(places[0], places[1], grid)
    inside = cells.inside
    outside = zip(places[0][~inside].tolist(), places[1][~inside].tolist(), strict=True)
    located = Step("grid", len(frame), int(inside.sum()), counted(outside))
    occurrences = pd.DataFrame(
        {
            "surveyed": surveyed,
            "row": cells.row,
            "column": cells.column,
            # What the file does not list is, from here on, no species like any other.
            "species": np.maximum(index, -1),
            "year": _whole(frame["year"], table),
            "day": _whole(frame["day"], table),
            **{name: frame[name].astype("string").fillna("").to_numpy(object) for name in NAMES},
        }
    )
    return occurrences[inside], (named, located)


def _reported(rows: pd.DataFrame, table: Table, steps: tuple[Step, ...]) -> TableReport:
    # Readers leave out and count rows that say ABSENT: a survey lacks what it does not list.
    absent = int(rows.attrs.get("absent_rows", 0))
    total = len(rows) + absent
    first = (Step("absent", total, len(rows), {"absent": absent}),) if absent else ()
    return TableReport(str(table.path), table.kind, total, (*first, *steps))


def _whole(values: pd.Series, table: Table) -> NDArray[np.int16]:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=0.0)
    numbers = np.where(np.isfinite(numbers), numbers, 0)
    # They are kept in 16 bits, where a wrong one would turn into a likely one.
    beyond = (numbers < 0) | (numbers > LATEST[str(values.name)])
    if beyond.any():
        raise InputError(
            f"{table.path}: {values.name} {listed(numbers[beyond])} in {int(beyond.sum())} rows; "
            f"expected 0 (unknown) to {LATEST[str(values.name)]}: correct them, or filter by "
            f"{values.name}"
        )
    return numbers.astype(np.int16)
