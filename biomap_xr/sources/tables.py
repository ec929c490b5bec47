"""Tables of species, traits, covers and records; nothing else in the house opens one.

Text has any usual separator and encoding; Parquet and spreadsheets are read, too.
"""

import csv
import gzip
import zipfile
from collections.abc import Callable, Collection, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import DEFAULT, FileFormat
from biomap_xr.sources.paths import local_file

SEPARATORS = (",", ";", "\t", "|")
HEADER_BYTES = 65_536
PARQUET = (".parquet", ".pq")
SPREADSHEETS = (".xlsx",)
BINARY = {b"PK\x03\x04": "a zip file or spreadsheet", b"\xd0\xcf\x11\xe0": "an old spreadsheet"}
ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""Tried in this order, since the last one knows every byte: European tables are often saved as
Windows-1252 by spreadsheets."""


def read_table(
    path: str | PathLike[str],
    *,
    required: Collection[str] = (),
    text: Collection[str] | Literal["all"] = (),
    wanted: Callable[[str], bool] | None = None,
    quoted: bool = True,
    written: FileFormat = DEFAULT,
) -> pd.DataFrame:
    """Read a table with one header line.

    Args:
        path: CSV, TSV or TXT, also ``.gz``, or Parquet.
        required: Columns that must be there.
        text: Columns that stay text, such as ids with leading zeros; ``all`` for every value as it
            is written, empty where it is missing.
        wanted: Which columns to read, all by default.
        quoted: Whether a quotation mark begins a quoted field; Darwin Core archives have none.
        written: Separator, encoding and decimals of text, where they are not to be found.

    Returns:
        One row a line ``(rows, columns)``, the columns' types inferred.

    Raises:
        InputError: Missing, hostile, empty or unreadable file, or a required column is not there.
    """
    file = local_file(path)
    if file.suffix.lower() in PARQUET:
        frame = _read_parquet(file, wanted)
    else:
        frame = _read_text(
            file,
            written,
            dtype="str" if text == "all" else dict.fromkeys(text, "str"),
            keep_default_na=text != "all",
            usecols=wanted,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        )
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise InputError(
            f"{file} has no column {missing}, only {list(frame.columns)}; "
            "add the column or name the right file"
        )
    if text == "all":
        return frame.astype("str").fillna("")
    return frame.astype({column: "str" for column in text if column in frame.columns})


def read_pieces(path: Path, rows: int, *, missing: Collection[str] = ()) -> Iterator[pd.DataFrame]:
    """Read a text table in UTF-8 by pieces of so many rows, for those larger than memory.

    Args:
        path: CSV or TSV.
        rows: Of a piece at most.
        missing: Texts that stand for no value.

    Raises:
        InputError: Empty, binary or other content, or rows of several lengths.
    """
    separator = separator_of(path)
    try:
        with pd.read_csv(
            path,
            sep=separator,
            encoding=ENCODINGS[0],
            na_values=list(missing),
            chunksize=rows,
            low_memory=False,
        ) as reader:
            yield from reader
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as e:
        raise _unreadable(path, separator, e) from e


def read_sheets(path: Path) -> dict[str, pd.DataFrame]:
    """Read all sheets of a spreadsheet ``(rows, columns)`` each, by their names.

    Raises:
        InputError: The file is no spreadsheet or damaged.
    """
    try:
        return pd.read_excel(path, sheet_name=None)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as e:
        raise InputError(f"{path} cannot be read as a spreadsheet ({e}); export it as CSV") from e


def columns_of(file: Path, written: FileFormat = DEFAULT) -> list[str]:
    """Return the names of a table's columns.

    Raises:
        InputError: The file is empty, no text, or in another encoding than was said.
    """
    if file.suffix.lower() in PARQUET:
        return _parquet_names(file)
    line = first_line(file)
    try:
        text = line.decode(written.encoding or ENCODINGS[0])
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
    except LookupError as e:
        raise InputError(
            f"encoding {written.encoding!r} for {file} is not known; expected one such as utf-8, "
            "cp1252 or macroman"
        ) from e
    return next(csv.reader([text], delimiter=written.separator or separator_of(file)), [])


def separator_of(path: Path) -> str:
    """Return the separator that occurs most in the header; a comma for a single column.

    Raises:
        InputError: The file is empty or no text.
    """
    header = first_line(path)
    return max(SEPARATORS, key=lambda separator: header.count(separator.encode()))


def first_line(path: Path) -> bytes:
    """Return the header's bytes.

    Raises:
        InputError: The file is empty or no text.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(HEADER_BYTES)
    except OSError as e:
        raise InputError(f"{path} cannot be read ({e}); copy it again") from e
    kind = next((kind for magic, kind in BINARY.items() if start.startswith(magic)), None)
    if kind is None and b"\x00" in start:
        kind = "a binary file"
    if kind is not None:
        raise InputError(f"{path} is {kind}; expected CSV or Parquet: export it as such")
    if not start.strip():
        raise InputError(f"{path} is empty; expected a header and rows: fetch it again")
    return start.splitlines()[0]


def _read_text(path: Path, written: FileFormat, **options: Any) -> pd.DataFrame:
    separator = written.separator or separator_of(path)
    for encoding in (written.encoding,) if written.encoding else ENCODINGS:
        try:
            return pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                decimal=written.decimal,
                low_memory=False,
                **options,
            )
        except UnicodeDecodeError:
            continue
        except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, EOFError) as e:
            raise _unreadable(path, separator, e) from e
    raise InputError(
        f"{path} cannot be read with {written.model_dump()}; expected a table written so: correct "
        "these settings, or leave them out to have them found"
    )


def _unreadable(path: Path, separator: str, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as a table separated by {separator!r} ({error}); "
        "expected a header and rows of one length: repair or export it again"
    )


def _read_parquet(path: Path, wanted: Callable[[str], bool] | None) -> pd.DataFrame:
    names = [name for name in _parquet_names(path) if wanted is None or wanted(name)]
    try:
        # One file, not a folder of partitions: the path says all there is to read.
        return pq.ParquetFile(path).read(columns=names).to_pandas()
    except (pa.ArrowException, OSError) as e:
        raise _no_parquet(path, e) from e


def _parquet_names(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as e:
        raise _no_parquet(path, e) from e


def _no_parquet(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read as Parquet ({error}); write or fetch it again")
