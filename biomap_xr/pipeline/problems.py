"""What can be wrong with a recipe and its inputs: looked at before any work, told all at once."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from biomap_xr.errors import InputError, RecipeError


class Check(NamedTuple):
    """One thing that can be wrong by itself, and what raises where it is."""

    section: str
    """Of the recipe; empty where the message names it."""
    look: Callable[[], object]


class Problem(NamedTuple):
    """Something that is wrong with a recipe or its inputs."""

    message: str
    status: int
    """Exit status: 2 for the recipe, 3 for inputs."""


def require_outside(path: Path, workspace: Path) -> None:
    """Refuse an input that is a result of the same run, which would write over it.

    Raises:
        InputError: The path lies in the workspace.
    """
    if path.resolve().is_relative_to(workspace.resolve()):
        raise InputError(
            f"{path} is a result of this run, which would write over it; expected a copy: copy it "
            "elsewhere and name that, or take another workspace"
        )


def problems_of(check: Check) -> list[Problem]:
    """Return what a check finds: nothing, or one problem a line of its error."""
    try:
        check.look()
    # Anything else is a mistake of ours and must not pass for one of the inputs.
    except (InputError, RecipeError) as error:
        section = f"{check.section}: " if check.section else ""
        return [Problem(f"{section}{error}", error.status)]
    return []
