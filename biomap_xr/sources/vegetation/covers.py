"""Covers of species on plots: a long table, or a matrix of species by plots."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import DEFAULT, FileFormat
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.records import Found, identifiers, match_columns, numbers, words
from biomap_xr.sources.tables import columns_of, read_table
from biomap_xr.sources.vegetation.columns import CoverColumns, MatrixColumns
from biomap_xr.sources.vegetation.files import open_columns, shown
from biomap_xr.sources.vegetation.raw import COVER_COLUMNS

PRESENCE_COLUMNS = ("plot", "species")
PRESENT = 1.0
"""Cover of a species of which only the presence is known; percent."""


def read_covers(path: Path, columns: CoverColumns, written: FileFormat = DEFAULT) -> pd.DataFrame:
    """Read a long table of covers.

    Returns:
        (rows, `COVER_COLUMNS`) in the file's order; cover in percent, NaN where not stated.

    Raises:
        InputError: The file or a column is missing, or a row has no plot, no species, or a cover
            that is no number.
    """
    fields = COVER_COLUMNS if columns.cover else PRESENCE_COLUMNS
    names = {field: getattr(columns, field) for field in fields}
    found = open_columns(path, names, written, text=("plot", "species"), required=fields)
    return covers_from(found)


def covers_from(found: Found) -> pd.DataFrame:
    """Return the rows of a table with plot, species and cover, (rows, `COVER_COLUMNS`).

    Raises:
        InputError: A row has no plot, no species, or a cover that is no finite number.
    """
    plot, species = identifiers(found.get("plot")), words(found.get("species"))
    for name, missing in (("plot", plot == ""), ("species", species.isna())):
        # The index, not the position: some rows may have been left out before.
        lines = missing.index[missing.to_numpy(bool)]
        if len(lines):
            raise InputError(
                f"{found.path}: {len(lines)} rows have nothing in column {found.names[name]!r}, "
                f"first line {lines[0] + 2}; expected the name of a {name}: fill it in, or remove "
                "the rows"
            )
    if "cover" in found.names:
        cover = numbers(found, "cover")
        _check_finite(cover, found.path)
    else:
        cover = pd.Series(PRESENT, plot.index)
    return pd.DataFrame({"plot": plot, "species": species, "cover": cover})


def read_matrix(path: Path, columns: MatrixColumns, written: FileFormat = DEFAULT) -> pd.DataFrame:
    """Read a matrix of covers: species in rows and plots in columns, or the other way round.

    Returns:
        (rows, `COVER_COLUMNS`) plot by plot, without empty cells and zeros; cover in percent.

    Raises:
        InputError: There is no column of names, a name is missing or twice, or a cell is no number.
    """
    file = local_file(path)
    header = columns_of(file, written)
    name = match_columns(header, {"name": columns.name}).get("name")
    if name is None:
        raise InputError(
            f"{file} has no column {' or '.join(map(repr, columns.name))}, only {shown(header)}; "
            f"name the column that holds the {columns.rows}"
        )
    frame = read_table(file, text=(name,), written=written)
    names = identifiers(frame[name])
    _check_row_names(names, file, columns)
    cells = frame.drop(columns=[name, *(each for each in columns.ignored if each in frame)])
    matrix = _numeric(cells, file)
    if columns.rows == "species":
        matrix = matrix.T
    plots, species = (cells.columns.to_numpy(object), names.to_numpy(object))
    if columns.rows == "plots":
        plots, species = species, plots
    # An empty cell is no row: nearly all of a matrix of plots is empty.
    plot, kind = np.nonzero(np.nan_to_num(matrix) != 0)
    return pd.DataFrame(
        {"plot": plots[plot], "species": species[kind], "cover": matrix[plot, kind]}
    ).astype({"plot": "str", "species": "str"})


def _numeric(cells: pd.DataFrame, file: Path) -> NDArray[np.float64]:
    """Return cells as float64 ``(rows, columns)``, NaN where empty."""
    text = [name for name in cells if not pd.api.types.is_numeric_dtype(cells[name])]
    for name in text:
        column = Found(file, cells, {str(name): str(name)})
        cells = cells.assign(**{str(name): numbers(column, str(name))})
    matrix = cells.to_numpy(np.float64)
    _check_finite(pd.Series(matrix.ravel()), file)
    return matrix


def _check_row_names(names: pd.Series, file: Path, columns: MatrixColumns) -> None:
    bad = names[(names == "") | names.duplicated()]
    if len(bad):
        raise InputError(
            f"{file}: {len(bad)} rows have no name or one that came before, first {bad.iloc[0]!r} "
            f"in line {bad.index[0] + 2}; expected one row for each of the {columns.rows}: add up "
            "or rename them"
        )


def _check_finite(cover: pd.Series, file: Path) -> None:
    infinite = np.flatnonzero(np.isinf(cover.to_numpy()))
    if len(infinite):
        raise InputError(
            f"{file}: {len(infinite)} covers are infinite, first number {infinite[0] + 1}; expected"
            " percent of the ground: correct them"
        )
