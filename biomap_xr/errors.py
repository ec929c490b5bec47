"""Errors that people see, and the exit status that the command line gives each.

Every message says what is wrong, the value, what was expected and what to do.
"""

from typing import ClassVar


class BiomapError(Exception):
    """Root of every error that this package raises on purpose."""

    status: ClassVar[int] = 1


class RecipeError(BiomapError, ValueError):
    """A recipe, profile or argument that cannot mean anything (exit status 2)."""

    status = 2


class InputError(BiomapError, ValueError):
    """Data, a model or a workspace that does not fit what was asked (exit status 3)."""

    status = 3


class SetAsideError(BiomapError):
    """A run that finished but for tiles set aside (exit status 4)."""

    status = 4


class StoppedError(BiomapError):
    """A run that somebody asked to stop; the same command goes on (exit status 4)."""

    status = 4


class CorruptError(BiomapError):
    """Stored bytes that are not the ones that were written (exit status 5)."""

    status = 5
