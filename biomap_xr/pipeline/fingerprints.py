"""Names for the content of input files."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.cubes import digest_of
from biomap_xr.errors import InputError

if TYPE_CHECKING:
    from pydantic import JsonValue


def contents(paths: Iterable[Path]) -> "list[JsonValue]":
    """Return the digest of each file.

    Raises:
        InputError: One cannot be read.
    """
    return [_digest(path) for path in paths]


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the path of a table of observations"
        ) from error
