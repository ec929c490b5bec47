"""Rows that are taken: one filter after the other, each counted."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.observations.report import Step, counted, listed
from biomap_xr.observations.settings import Bounds, Choice, Filters, Range

COLUMNS = (
    "survey_id",
    "longitude",
    "latitude",
    "year",
    "day",
    "uncertainty_m",
    "area_m2",
    "species_id",
    "species",
    "taxon_rank",
    "subset",
    "region",
    "country",
    "patch_id",
    "time_series_id",
)
"""Columns that are used here, of those that every reader returns (`biomap_xr.sources.records`)."""

POSITIVE = ("year", "day")
"""Columns where 0 says unknown."""


def apply_filters(frame: pd.DataFrame, filters: Filters) -> tuple[pd.DataFrame, tuple[Step, ...]]:
    """Take the rows that pass every filter; rows without coordinates go first.

    Args:
        frame: Rows with the canonical `COLUMNS`, dims ``(rows, columns)``.
        filters: The table's filters; one that is None is not applied and not reported.

    Returns:
        The rows taken, in their order, and a step per filter.

    Raises:
        InputError: A canonical column is missing, or coordinates are not degrees.
    """
    _check_columns(frame)
    # A row without a place can pass no filter on places, and would be outside every grid.
    frame, first = _taken(frame, "coordinates", _has_coordinates(frame), ["longitude", "latitude"])
    _check_degrees(frame)
    steps = [first]
    for name in Filters.model_fields:
        limit = getattr(filters, name)
        if limit is None:
            # Not reported either: a step that nobody asked for is noise.
            continue
        columns = ["longitude", "latitude"] if name == "bounds" else [name]
        frame, step = _taken(frame, name, PASSING[type(limit)](frame, name, limit), columns)
        steps.append(step)
    return frame, tuple(steps)


def _in_range(frame: pd.DataFrame, column: str, limit: Range) -> NDArray[np.bool_]:
    # Text that is no number counts as unknown: the policy decides, not the parser.
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(values) & ((values > 0) | (column not in POSITIVE))
    low = -np.inf if limit.minimum is None else limit.minimum
    high = np.inf if limit.maximum is None else limit.maximum
    return np.where(known, (values >= low) & (values <= high), limit.unknown == "keep")


def _in_choice(frame: pd.DataFrame, column: str, limit: Choice) -> NDArray[np.bool_]:
    # Editions write CONTINENTAL and Continental, species and SPECIES.
    text = frame[column].astype("string").str.strip().str.casefold()
    known = (text.notna() & (text != "")).to_numpy(bool, na_value=False)
    allowed = text.isin([value.strip().casefold() for value in limit.allowed]).to_numpy(bool)
    return np.where(known, allowed, limit.unknown == "keep")


def _in_bounds(frame: pd.DataFrame, _: str, limit: Bounds) -> NDArray[np.bool_]:
    longitude = frame["longitude"].between(limit.west, limit.east)
    return (longitude & frame["latitude"].between(limit.south, limit.north)).to_numpy(bool)


PASSING: dict[type, Callable[..., NDArray[np.bool_]]] = {
    Range: _in_range,
    Choice: _in_choice,
    Bounds: _in_bounds,
}
"""Which rows pass, shape ``(rows,)``, by the kind of limit."""


def _taken(
    frame: pd.DataFrame, name: str, passes: NDArray[np.bool_], columns: list[str]
) -> tuple[pd.DataFrame, Step]:
    lost = frame.loc[~passes, columns]
    values = (
        lost[columns[0]] if len(columns) == 1 else zip(*(lost[key] for key in columns), strict=True)
    )
    return frame[passes], Step(name, len(frame), int(passes.sum()), counted(values))


def _has_coordinates(frame: pd.DataFrame) -> NDArray[np.bool_]:
    places = frame[["longitude", "latitude"]].to_numpy(np.float64, na_value=np.nan)
    return np.isfinite(places).all(axis=1)


def _check_columns(frame: pd.DataFrame) -> None:
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise InputError(
            f"columns {missing} are missing from a table of observations that has "
            f"{list(frame.columns)}; expected every canonical column: read the file through "
            "biomap_xr.sources"
        )


def _check_degrees(frame: pd.DataFrame) -> None:
    # An error, not a filter: one such row means that the columns are metres, or swapped.
    outside = (frame["longitude"].abs() > 180) | (frame["latitude"].abs() > 90)
    if outside.any():
        places = frame.loc[outside, ["longitude", "latitude"]].itertuples(index=False, name=None)
        raise InputError(
            f"{int(outside.sum())} rows have coordinates that are no degrees: {listed(places)}; "
            "expected longitude in -180..180 and latitude in -90..90: check the order and CRS of "
            "the columns"
        )
