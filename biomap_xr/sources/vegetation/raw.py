"""Vegetation plots as their files have them, under one set of column names."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.sources.vegetation.columns import FIELDS

COVER_COLUMNS = ("plot", "species", "cover")
"""Name of the plot, name of the species as written, percent of the ground (NaN: not stated)."""


@dataclass(frozen=True, eq=False)
class RawPlots:
    """A long table of covers and the header of the plots."""

    path: Path
    """File of the covers, or of the header where there is no other; for messages."""
    covers: pd.DataFrame
    """(rows, `COVER_COLUMNS`), in the file's order; no row merged or left out."""
    header: pd.DataFrame
    """(plots, `biomap_xr.sources.vegetation.columns.FIELDS`), each plot once; degrees in WGS84,
    text missing and numbers NaN where unknown."""
    absent: int = 0
    """Rows that were left out since they say that a species is not there."""

    def __post_init__(self) -> None:
        for name, frame, expected in (
            ("covers", self.covers, COVER_COLUMNS),
            ("header", self.header, FIELDS),
        ):
            if tuple(frame.columns) != tuple(expected):
                raise InputError(
                    f"{self.path}: the {name} have columns {list(frame.columns)}; expected "
                    f"{list(expected)}: read the file with biomap_xr.sources.vegetation"
                )


def no_covers() -> pd.DataFrame:
    """Return an empty table of covers, (0, `COVER_COLUMNS`)."""
    types = dict(zip(COVER_COLUMNS, ("str", "str", "float64"), strict=True))
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
