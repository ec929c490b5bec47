"""Paths that a recipe may name: files and folders of this machine, nothing to be fetched."""

import re
from os import PathLike
from pathlib import Path

from biomap_xr.errors import InputError

# GDAL reads more into a name than a file: virtual file systems, "driver:" prefixes, inline XML.
HOSTILE = re.compile(r"^/*vsi|^[A-Za-z][\w+.-]+:|<|[\x00-\x1f]")


def local_path(path: str | PathLike[str]) -> Path:
    """Return the absolute path of something that is there, and refuse what only looks like a path.

    Args:
        path: A file or a folder; relative ones start at the working directory.

    Raises:
        InputError: The text is a URL, a GDAL virtual path, a driver prefix or XML, or nothing is
            there.

    >>> local_path("/vsicurl/http://example.org/a.tif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    biomap_xr.errors.InputError: '/vsicurl/http://example.org/a.tif' is no local path; ...
    """
    text = str(path)
    if HOSTILE.search(text):
        raise InputError(
            f"{text!r} is no local path; expected a file or folder of this machine: "
            "download it and name the copy"
        )
    resolved = Path(text).expanduser().resolve()
    if not resolved.exists():
        raise InputError(
            f"{text!r} does not exist; {nearest_there(resolved)}: "
            "correct the path or fetch the data"
        )
    return resolved


def local_file(path: str | PathLike[str]) -> Path:
    """Return the absolute path of a regular file.

    Raises:
        InputError: As `local_path`, or the path is a folder.
    """
    resolved = local_path(path)
    if not resolved.is_file():
        raise InputError(f"{str(path)!r} is a folder; expected a file: name the file inside it")
    return resolved


def local_folder(path: str | PathLike[str]) -> Path:
    """Return the absolute path of a folder.

    Raises:
        InputError: As `local_path`, or the path is a file.
    """
    resolved = local_path(path)
    if not resolved.is_dir():
        raise InputError(
            f"{str(path)!r} is a file; expected a folder: name the folder that holds it"
        )
    return resolved


def nearest_there(path: Path) -> str:
    """Say which part of a missing path exists, so that a typing slip is found at a glance."""
    there = next(parent for parent in path.parents if parent.exists())
    return f"{str(there)!r} is there, {path.relative_to(there).parts[0]!r} in it is not"
