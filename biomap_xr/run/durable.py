"""Small files that are either whole under their final name or not there at all."""

import os
import uuid
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from biomap_xr.run.failpoints import reach

PARTIAL = ".partial"


class Record(BaseModel):
    """Content of a small file; not-a-number is kept, since a tile of open sea has no mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def publish(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name, force it to disk, rename it, force the folder to disk.

    A reader, also one after a loss of power, sees the old content or the new one, never a part.

    Args:
        path: Final name; its folder is made where it is missing.
        content: All of it; text is written as UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two writers of one file cannot mix their bytes.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        reach("unpublished")
        # Within one folder a rename is atomic: the final name never holds a part.
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    force(path.parent)
    reach("published")


def force(folder: Path) -> None:
    """Force the names in a folder to disk, so that a rename survives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> tuple[Path, ...]:
    """Remove and return what killed writers left under temporary names in a folder."""
    leftovers = tuple(sorted(folder.glob(f".*{PARTIAL}")))
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers
