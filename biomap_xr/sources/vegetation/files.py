"""One table of a user's, read as its settings say, with the columns found by name."""

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.records import Found, match_columns
from biomap_xr.sources.tables import first_line, read_table, separator_of
from biomap_xr.sources.vegetation.columns import FileFormat

PARQUET = (".parquet", ".pq")
DEFAULT = FileFormat()


def open_columns(
    path: Path,
    names: Mapping[str, Sequence[str]],
    written: FileFormat = DEFAULT,
    *,
    text: Collection[str] = (),
    required: Collection[str] = (),
) -> Found:
    """Read those columns of a table that have a name of interest.

    Args:
        path: CSV, TSV or TXT, also ``.gz``, or Parquet.
        names: Possible names of each field, in the order of preference, in any case.
        written: Separator, encoding and decimals.
        text: Fields that stay text, such as ids with leading zeros.
        required: Fields that must be there.

    Returns:
        The rows ``(rows, columns)`` and the file's own name of each field that it has.

    Raises:
        InputError: The file cannot be read, or a required field has no column.
    """
    file = local_file(path)
    header = header_of(file, written)
    found = match_columns(header, names)
    missing = [field for field in required if field not in found]
    if missing:
        wanted = {field: list(names[field]) for field in missing}
        raise InputError(
            f"{file} has no column for {missing}: expected one of {wanted}, found "
            f"{shown(header)}; name the right columns, or the right file"
        )
    texts = [found[field] for field in text if field in found]
    frame = rows_of(file, written, text=texts, wanted=set(found.values()))
    return Found(file, frame, found)


def header_of(file: Path, written: FileFormat = DEFAULT) -> list[str]:
    """Return the names of a table's columns.

    Raises:
        InputError: The file is empty, no text, or in another encoding than was said.
    """
    if file.suffix.lower() in PARQUET:
        return _parquet_names(file)
    line = first_line(file)
    try:
        text = line.decode(written.encoding or "utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
    except LookupError as e:
        raise InputError(
            f"encoding {written.encoding!r} for {file} is not known; expected one such as utf-8, "
            "cp1252 or macroman"
        ) from e
    return next(csv.reader([text], delimiter=written.separator or separator_of(file)), [])


def rows_of(
    file: Path,
    written: FileFormat = DEFAULT,
    *,
    text: Collection[str] = (),
    wanted: Collection[str] | None = None,
) -> pd.DataFrame:
    """Read the rows of a table, ``(rows, columns)``; all columns where none is wanted.

    Raises:
        InputError: The file cannot be read as its settings say.
    """
    if written == DEFAULT or file.suffix.lower() in PARQUET:
        return read_table(
            file, text=text, wanted=None if wanted is None else lambda name: name in wanted
        )
    try:
        return pd.read_csv(
            file,
            sep=written.separator or separator_of(file),
            encoding=written.encoding or "utf-8-sig",
            decimal=written.decimal,
            dtype=dict.fromkeys(text, "str"),
            usecols=None if wanted is None else lambda name: name in wanted,
            low_memory=False,
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as e:
        raise InputError(
            f"{file} cannot be read with {written.model_dump()} ({e}); expected a table written "
            "so: correct these settings, or leave them out to have them found"
        ) from e


def _parquet_names(file: Path) -> list[str]:
    names: list[str] = []

    def note(name: str) -> bool:
        names.append(name)
        return False

    # Reads the schema only: no column is wanted.
    read_table(file, wanted=note)
    return names


def shown(names: Sequence[str], most: int = 12) -> str:
    """Return names for a message, the first few of many.

    >>> shown(["id", "cover"]), shown(["a", "b", "c"], most=2)
    ("['id', 'cover']", "['a', 'b'] and 1 more")
    """
    more = len(names) - most
    return f"{list(names[:most])}" + (f" and {more} more" if more > 0 else "")
