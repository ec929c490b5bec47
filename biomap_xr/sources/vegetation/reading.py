"""Plots of every layout: covers and header read together."""

from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import DEFAULT, FileFormat
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.vegetation.columns import (
    EUNIS_POINTS,
    CoverColumns,
    HeaderColumns,
    MatrixColumns,
)
from biomap_xr.sources.vegetation.covers import read_covers, read_matrix
from biomap_xr.sources.vegetation.header import read_header
from biomap_xr.sources.vegetation.raw import RawPlots, no_covers


def read_long(
    species: Path,
    header: Path,
    columns: tuple[CoverColumns, HeaderColumns],
    written: FileFormat = DEFAULT,
) -> RawPlots:
    """Read a long table of covers and a header, whose columns are named.

    Raises:
        InputError: A file or column is missing, or a value cannot be read.
    """
    # The header first: it is small, and as often wrong.
    plots = read_header(header, columns[1], written)
    return RawPlots(local_file(species), read_covers(species, columns[0], written), plots)


def read_wide(
    species: Path,
    header: Path,
    columns: tuple[MatrixColumns, HeaderColumns],
    written: FileFormat = DEFAULT,
) -> RawPlots:
    """Read a matrix of species by plots and a header, whose columns are named.

    Raises:
        InputError: A file or column is missing, or a value cannot be read.
    """
    plots = read_header(header, columns[1], written)
    return RawPlots(local_file(species), read_matrix(species, columns[0], written), plots)


def read_labels(
    path: Path, columns: HeaderColumns = EUNIS_POINTS, written: FileFormat = DEFAULT
) -> RawPlots:
    """Read plots of which only place and label are known, without species.

    Raises:
        InputError: The file or a column is missing, a value cannot be read, or no column holds
            labels.
    """
    header = read_header(path, columns, written)
    if columns.missing == "empty" and header["label"].isna().all():
        raise InputError(
            f"{path} has no label in any of {len(header)} rows; expected EUNIS codes in column "
            f"{' or '.join(map(repr, columns.label))}: name the column that holds them"
        )
    return RawPlots(local_file(path), no_covers(), header)
