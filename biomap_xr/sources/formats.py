"""How text tables are written, where files do not tell; apart from their reader, to load fast."""

from typing import Literal

from pydantic import Field

from biomap_xr.settings import Settings


class FileFormat(Settings):
    """How a text table is written, where it cannot be told from the file itself."""

    separator: str | None = Field(None, min_length=1, max_length=1)
    """One character; None takes what occurs most in the header."""
    encoding: str | None = None
    """Such as ``macroman``; None tries UTF-8, then Windows-1252."""
    decimal: Literal[".", ","] = "."
    """What stands before the decimals."""


DEFAULT = FileFormat()
