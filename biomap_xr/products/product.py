"""A file for others, once it is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One file that was written."""

    path: str
    """Relative to the folder of products."""
    size: int
    """In bytes."""
    sha256: str
