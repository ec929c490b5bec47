"""One table of a user's, read as its settings say, with the columns found by name."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import DEFAULT, FileFormat
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.records import Found, match_columns
from biomap_xr.sources.tables import columns_of, read_table


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
    header = columns_of(file, written)
    found = match_columns(header, names)
    missing = [field for field in required if field not in found]
    if missing:
        wanted = {field: list(names[field]) for field in missing}
        raise InputError(
            f"{file} has no column for {missing}: expected one of {wanted}, found "
            f"{shown(header)}; name the right columns, or the right file"
        )
    texts = [found[field] for field in text if field in found]
    own = set(found.values())
    frame = read_table(file, text=texts, wanted=own.__contains__, written=written)
    return Found(file, frame, found)


def shown(names: Sequence[str], most: int = 12) -> str:
    """Return names for a message, the first few of many.

    >>> shown(["id", "cover"]), shown(["a", "b", "c"], most=2)
    ("['id', 'cover']", "['a', 'b'] and 1 more")
    """
    more = len(names) - most
    return f"{list(names[:most])}" + (f" and {more} more" if more > 0 else "")
