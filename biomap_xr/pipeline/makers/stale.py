"""Removing groups of a cube that another model made: each of their tiles would be wrong."""

import shutil
from pathlib import Path

from biomap_xr.cubes import open_cube


def drop_stale(store: Path, group: str, model: str) -> None:
    """Remove a group whose attribute ``model`` is another one; nothing where there is none."""
    if (store / group).exists() and open_cube(store, group).attrs.get("model") != model:
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
