"""Files and folders that are either whole under their final name or not there at all."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def publishing(place: Path) -> Iterator[Path]:
    """Give a temporary name beside a place; what is written there gets the final name at the end.

    A reader, also one after a loss of power, sees what was there before or all that is there now,
    never a part. Where the context raises, what was there before stays.

    Args:
        place: Final name of a file or a folder; the folder above is made where it is missing.

    Yields:
        The temporary name, of which there is nothing yet.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "new" / "map.txt"
    >>> with publishing(place) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> place.read_text()
    'whole'
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two writers of one file cannot mix their bytes.
    temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        yield temporary
        give_name(temporary, place)
    finally:
        remove(temporary)


def give_name(source: Path, place: Path) -> None:
    """Force a file or folder to disk, rename it, and force its new name to disk.

    Args:
        source: Temporary name, on the same disk.
        place: Final name; a file there is replaced by a file, a folder by a folder.

    Raises:
        OSError: A folder lies where a file is to be; it is left alone.
    """
    for path in (source, *source.rglob("*")):
        force(path)
    if place.is_dir() and source.is_dir():
        # No folder is renamed onto another: between the two steps there is none, never a part.
        with_former = place.with_name(f".{place.name}.{uuid.uuid4().hex}{PARTIAL}")
        place.rename(with_former)
        source.rename(place)
        remove(with_former)
    else:
        source.replace(place)
    # The new name is an entry of its folder: only now is there something to force.
    force(place.parent)


def force(place: Path) -> None:
    """Force the content of a file, or the names in a folder, to disk."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(place: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing where there is none."""
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def sweep(folder: Path, name: str = "*") -> tuple[Path, ...]:
    """Remove and return what killed writers left under temporary names in a folder.

    Args:
        folder: In which nobody writes.
        name: Final name of what they wrote; any by default.
    """
    leftovers = tuple(sorted(folder.glob(f".{name}.*{PARTIAL}")))
    for path in leftovers:
        remove(path)
    return leftovers
