"""Reading crosswalks: the documented form with priorities, and masks of 0 and 1."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import FORMATIONS, normalise, number_of
from biomap_xr.habitats.rules.crosswalk import (
    PRIORITY_COLUMN,
    Crosswalk,
    Line,
    crosswalk_of,
    surface_of,
)
from biomap_xr.habitats.rules.settings import COVER_COLUMN
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.tables import SPREADSHEETS, read_sheets, read_table


def read_documented(
    path: str | PathLike[str], codes: Iterable[str], cover: str = COVER_COLUMN
) -> Crosswalk:
    """Read a documented crosswalk such as paper 2's ``documented_cross_walks``.

    It has a line a land cover: its code, ``Priority_order`` (formations, or a surface such as
    URBAN), and a column a formation with its classes, where ``R1`` stands for all classes below R1.

    Args:
        path: CSV, or the spreadsheet whose sheet with these columns is read.
        codes: All classes that can be on the map.
        cover: Name of the column with the land cover's code.

    Raises:
        InputError: The table or a column is missing, a code is repeated or malformed, or a line
            names what is neither a formation, a class nor a surface.
    """
    table = _documented(path, cover)
    lines = [_line(f"{path}, {cover} {row[cover]}", row, cover) for _, row in table.iterrows()]
    covers = [line.cover for line in lines]
    if len(set(covers)) < len(covers):
        twice = sorted({each for each in covers if covers.count(each) > 1})
        raise InputError(f"{path}: {cover} {twice} has several lines; expected one each")
    extra = [name for name in table if name not in (cover, PRIORITY_COLUMN, *FORMATIONS)]
    described = table[extra].set_axis(covers)
    return crosswalk_of(lines, codes, described)


def read_mask(path: str | PathLike[str]) -> Crosswalk:
    """Read a mask of 0 and 1: a line a land cover (code first), a column a class or surface.

    Args:
        path: Such as paper 2's ``corine_mask.csv``; it says nothing on priorities.

    Raises:
        InputError: The table cannot be read or holds something else, or a column is no code.
    """
    table = read_table(path).rename(columns=str)
    covers = pd.to_numeric(table.iloc[:, 0], errors="coerce").to_numpy(float)
    values = table.iloc[:, 1:]
    if not np.isfinite(covers).all() or (covers % 1 != 0).any() or len(set(covers)) < len(covers):
        raise InputError(
            f"{path}: expected the code of one land cover each, a whole number, in its first "
            f"column, found {covers[:5].tolist()}"
        )
    strange = [str(column) for column in values if not values[column].isin([0, 1]).all()]
    if strange:
        raise InputError(f"{path}: columns {strange[:5]} hold more than 0 and 1; mend the mask")
    # Only now: anything but 0 would count as allowed.
    kept = values.to_numpy(bool)
    names = [str(column) for column in values]
    surfaces = {place: surface_of(name) for place, name in enumerate(names) if surface_of(name)}
    classes = {normalise(name): place for place, name in enumerate(names) if place not in surfaces}
    ordered = tuple(sorted(classes, key=number_of))
    named = [
        next((surface for place, surface in surfaces.items() if row[place]), "") for row in kept
    ]
    return Crosswalk(
        covers.astype(np.int64),
        ordered,
        kept[:, [classes[code] for code in ordered]].T,
        ((),) * len(covers),
        tuple(named),
    )


def _documented(path: str | PathLike[str], cover: str) -> pd.DataFrame:
    """Return the lines with a land cover, all columns as text."""
    file = local_file(path)
    if file.suffix.lower() in SPREADSHEETS:
        table = _sheet(file, cover)
    else:
        table = read_table(file, required=(cover, PRIORITY_COLUMN))
    # Spreadsheets carry empty columns beyond their last one.
    named = [name for name in table if isinstance(name, str) and not name.startswith("Unnamed")]
    table = table[named].dropna(subset=[cover]).astype(object)
    table = table.where(table.notna(), "")
    # Whole numbers are read as floats where a line between them is empty.
    return table.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))


def _sheet(path: Path, cover: str) -> pd.DataFrame:
    sheets = read_sheets(path)
    # The first sheet of the published book is a text on the others.
    for table in sheets.values():
        if {cover, PRIORITY_COLUMN} <= set(table.columns):
            return table
    raise InputError(
        f"{path}: none of its sheets {list(sheets)} has the columns {cover} and {PRIORITY_COLUMN}; "
        "name the right file or its column of land cover"
    )


def _line(place: str, row: "pd.Series[str]", cover: str) -> Line:
    if not row[cover].strip().isdecimal():
        raise InputError(f"{place}: expected the whole code of a land cover")
    order = _listed(row[PRIORITY_COLUMN])
    prefixes = [code for name in FORMATIONS if name in row for code in _listed(row[name])]
    try:
        return Line(int(row[cover]), order, tuple(normalise(code) for code in prefixes))
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _listed(text: str) -> tuple[str, ...]:
    """Split a list at commas.

    >>> _listed("N, T")
    ('N', 'T')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())
