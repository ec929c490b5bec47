"""Removing groups of a cube that another model made: each of their tiles would be wrong."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from biomap_xr.cubes import open_cube


def drop_stale(store: Path, group: str, model: str, variables: Iterable[str] = ()) -> None:
    """Remove a group whose attribute ``model`` is another one, or that has other variables.

    Args:
        store: The cube; nothing happens where it is not there.
        group: In it.
        model: Fingerprint of the model that the group is to be of.
        variables: All names that it is to have; any where none are given.
    """
    if not (store / group).exists():
        return
    found, wanted = open_cube(store, group), set(variables)
    if found.attrs.get("model") != model or (wanted and set(found.data_vars) != wanted):
        drop_group(store, group)


def drop_group(store: Path, group: str) -> None:
    """Remove a group with all that is in it; nothing where there is none."""
    place = store / group
    if place.exists():
        stale = place.with_name(f".{place.name}.stale")
        shutil.rmtree(stale, ignore_errors=True)
        # Renamed first: a run killed meanwhile leaves no half of a cube under its name.
        place.rename(stale)
        shutil.rmtree(stale)
