"""Tables of species, traits and records: CSV with any usual separator and encoding, or Parquet."""

import csv
import gzip
from collections.abc import Callable, Collection
from os import PathLike
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file

SEPARATORS = (",", ";", "\t", "|")
HEADER_BYTES = 65_536
BINARY = {b"PK\x03\x04": "a zip file or spreadsheet", b"\xd0\xcf\x11\xe0": "an old spreadsheet"}


def read_table(
    path: str | PathLike[str],
    *,
    required: Collection[str] = (),
    text: Collection[str] = (),
    wanted: Callable[[str], bool] | None = None,
    quoted: bool = True,
) -> pd.DataFrame:
    """Read a table with one header line.

    The separator is the one that occurs most in the header; text is UTF-8 or, where that fails,
    Windows-1252 (European tables are often saved so by spreadsheets).

    Args:
        path: CSV, TSV or TXT, also ``.gz``, or Parquet.
        required: Columns that must be there.
        text: Columns that stay text, such as ids with leading zeros.
        wanted: Which columns to read, all by default.
        quoted: Whether a quotation mark begins a quoted field; Darwin Core archives have none.

    Returns:
        One row a line ``(rows, columns)``, the columns' types inferred.

    Raises:
        InputError: Missing, hostile, empty or unreadable file, or a required column is not there.
    """
    file = local_file(path)
    frame = (
        read_parquet(file, wanted)
        if file.suffix.lower() in (".parquet", ".pq")
        else read_text(file, text, wanted, quoted=quoted)
    )
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise InputError(
            f"{file} has no column {missing}, only {list(frame.columns)}; "
            "add the column or name the right file"
        )
    return frame.astype({column: "str" for column in text if column in frame.columns})


def read_parquet(path: Path, wanted: Callable[[str], bool] | None = None) -> pd.DataFrame:
    """Read a Parquet table ``(rows, columns)``.

    Raises:
        InputError: The file is no Parquet or damaged.
    """
    try:
        names = [name for name in pq.read_schema(path).names if wanted is None or wanted(name)]
        # One file, not a folder of partitions: the path says all there is to read.
        return pq.ParquetFile(path).read(columns=names).to_pandas()
    except (pa.ArrowException, OSError) as e:
        raise InputError(f"{path} cannot be read as Parquet ({e}); write or fetch it again") from e


def read_text(
    path: Path,
    text: Collection[str] = (),
    wanted: Callable[[str], bool] | None = None,
    *,
    quoted: bool = True,
) -> pd.DataFrame:
    """Read a separated text table ``(rows, columns)``.

    Raises:
        InputError: Binary or empty content, or rows of several lengths.
    """
    separator = separator_of(path)
    # The last one knows every byte, so it comes last.
    for encoding in ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                dtype=dict.fromkeys(text, "str"),
                usecols=wanted,
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
                low_memory=False,
            )
        except UnicodeDecodeError:
            continue
        except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, EOFError) as e:
            raise InputError(
                f"{path} cannot be read as a table separated by {separator!r} ({e}); "
                "expected a header and rows of one length: repair or export it again"
            ) from e
    raise InputError(f"{path} is in no known encoding; save it as UTF-8")


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
