"""To which recipe a folder of results belongs; those of another one are never mixed in."""

from pathlib import Path

from pydantic import JsonValue, ValidationError

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run.durable import Record, publish

FILE = "workspace.json"


class Identity(Record):
    """What must not change within a workspace; any other change only makes products stale."""

    recipe: str
    """Name of the recipe."""
    grid: dict[str, JsonValue]
    """The grid's settings."""
    species: str = ""
    """Fingerprint of the species table; empty while it is not known yet."""


def claim(workspace: Path, identity: Identity) -> None:
    """Make a folder the workspace of a recipe, or check that it is.

    Args:
        workspace: Folder of the run; made where it is missing.
        identity: Of the recipe. A species table that was not known at first is added when it is.

    Raises:
        InputError: The folder belongs to a recipe of another name, grid or species table, or
            holds foreign files.
        CorruptError: The folder's ``workspace.json`` cannot be read.
    """
    known = identity_of(workspace)
    if known is None:
        _require_empty(workspace)
    else:
        _compare(workspace, known, identity)
        if identity.species in ("", known.species):
            return
    publish(workspace / FILE, identity.model_dump_json(indent=1))


def identity_of(workspace: Path) -> Identity | None:
    """Return whose workspace a folder is, None where it is not one.

    Raises:
        CorruptError: The folder's ``workspace.json`` cannot be read.
    """
    path = workspace / FILE
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CorruptError(
            f"{path} cannot be read as the identity of a workspace ({error.error_count()} problems "
            "found); restore that file from a copy, or name another folder with --workspace"
        ) from error


def check_identity(workspace: Path, identity: Identity) -> None:
    """Make sure that a folder is no workspace of another identity; nothing is written.

    Raises:
        InputError: It is.
        CorruptError: The folder's ``workspace.json`` cannot be read.
    """
    known = identity_of(workspace)
    if known is not None:
        _compare(workspace, known, identity)


def _require_empty(workspace: Path) -> None:
    foreign = sorted(path.name for path in workspace.glob("*") if not path.name.startswith("."))
    # Somebody's thesis may lie there: nothing of ours is written among foreign files.
    if foreign:
        raise InputError(
            f"{workspace} is not empty (it holds {', '.join(foreign[:3])}) and has no {FILE}, "
            "so it is no workspace; name an empty or new folder with --workspace"
        )


def _compare(workspace: Path, known: Identity, wanted: Identity) -> None:
    for part in ("recipe", "grid", "species"):
        # An empty species table is one that is not known yet, and contradicts nothing.
        there, here = getattr(known, part), getattr(wanted, part)
        if there != here and (part != "species" or (there and here)):
            raise InputError(
                f"{workspace} was made with another {part}: it has {there}, "
                f"this recipe has {here}; name another folder with --workspace, or go back to that "
                "recipe"
            )
