"""The cubes of a run's folder, each opened when it is asked for."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

import xarray as xr

from biomap_xr.cubes.store import DECLARATION, open_cube
from biomap_xr.errors import InputError

SUFFIX = ".zarr"


class Cubes(Mapping[str, xr.Dataset]):
    """Cubes by name, such as ``species`` or ``habitats/by_species``; opened at their first use.

    Values are as stored (see `open_cube`), in Dask arrays of the stored chunks.
    """

    def __init__(self, place: Path, groups: Mapping[str, tuple[Path, str]]) -> None:
        self.place = place
        self._groups = dict(groups)
        self._opened: dict[str, xr.Dataset] = {}

    def __getitem__(self, name: str) -> xr.Dataset:
        """Return a cube.

        Raises:
            InputError: There is none of this name.
        """
        if name not in self._groups:
            near = get_close_matches(name, self._groups)
            near += [each for each in self._groups if name in each and each not in near]
            raise InputError(
                f"{self.place} has no cube {name!r}; expected one of {', '.join(self._groups)}"
                + (f": do you mean {' or '.join(near[:3])}?" if near else "")
            )
        if name not in self._opened:
            store, group = self._groups[name]
            self._opened[name] = open_cube(store, group, chunks={})
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    def __contains__(self, name: object) -> bool:
        return name in self._groups

    def __repr__(self) -> str:
        width = max(map(len, self._groups))
        lines = [f"{name:{width}}  {_outline(*self._groups[name])}" for name in self]
        return "\n".join([f"{len(self)} cubes in {self.place}", *lines])


def open(place: str | PathLike[str]) -> Cubes:
    """Open what a run has made.

    Args:
        place: Folder of a run, such as ``runs/demo``, or one of its stores, such as
            ``runs/demo/habitats.zarr``.

    Raises:
        InputError: There is no such folder, or no cube in it.
    """
    path = Path(place)
    if not path.is_dir():
        near = get_close_matches(path.name, [p.name for p in path.parent.glob("*/")])
        raise InputError(
            f"{path} is no folder; expected that of a run or one of its stores"
            + (f": do you mean {path.parent / near[0]}?" if near else "")
        )
    stores = [path] if (path / "zarr.json").is_file() else sorted(path.glob(f"*{SUFFIX}"))
    groups = {
        "/".join((store.name.removesuffix(SUFFIX), *group.parts)): (store, group.as_posix())
        for store in stores
        for group in _declared(store)
    }
    if not groups:
        raise InputError(
            f"{path} holds no cube; expected the folder of a run, with stores such as species.zarr"
        )
    return Cubes(path, {name: (s, "" if g == "." else g) for name, (s, g) in groups.items()})


def _declared(store: Path) -> Iterator[Path]:
    """Find the groups of a store that are cubes, without looking into their arrays."""
    places = [store]
    while places:
        place = places.pop()
        node = _node(place)
        if DECLARATION in node.get("attributes", {}):
            yield place.relative_to(store)
        elif node.get("node_type") == "group":
            places += sorted((path for path in place.iterdir() if path.is_dir()), reverse=True)


def _node(place: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((place / "zarr.json").read_bytes())
    except FileNotFoundError:
        return {}
    return found


def _outline(store: Path, group: str) -> str:
    """Say the variables of a cube and their dims, from its metadata alone."""
    place = store / group
    arrays = {
        path.name: tuple(_node(path).get("dimension_names") or ())
        for path in sorted(place.iterdir())
        if path.is_dir()
    }
    maps = {name: dims for name, dims in arrays.items() if {"y", "x"} <= set(dims)}
    return ", ".join(f"{name}({', '.join(dims)})" for name, dims in maps.items())
