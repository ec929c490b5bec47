"""What can be wrong with a recipe and its inputs: looked at before any work, told all at once."""

from collections.abc import Callable
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


def problems_of(check: Check) -> list[Problem]:
    """Return what a check finds: nothing, or one problem a line of its error."""
    try:
        check.look()
    # Anything else is a mistake of ours and must not pass for one of the inputs.
    except (InputError, RecipeError) as error:
        section = f"{check.section}: " if check.section else ""
        return [Problem(f"{section}{error}", error.status)]
    return []
