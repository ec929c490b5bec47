"""Many places cut into slices of neighbours: each is a task, and leaves one array."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.run import Task
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish

PLACES = "places.npy"
Complete = Callable[[Any, list[Task]], object]
"""Runs a program on tasks until all are done (`pipeline.filling.Filling.complete`)."""


@dataclass(frozen=True)
class Slice:
    """Some of the places of a file, as a task carries them."""

    folder: Path
    """Of the places, and of what is found there."""
    start: int
    stop: int

    @property
    def result(self) -> Path:
        """The file of what is found, one row a place."""
        return self.folder / f"{self.start:09}.npy"

    def places(self) -> NDArray[Any]:
        """Read the slice's own places ``(2, n)``."""
        everywhere = np.load(self.folder / PLACES, mmap_mode="r")
        return np.array(everywhere[:, self.start : self.stop])


@dataclass(frozen=True, eq=False)
class Slices:
    """All slices of some places."""

    folder: Path
    order: NDArray[np.int64]
    """``(place,)`` the places as they were given, neighbours beside each other."""
    size: int
    """Places of a slice."""

    @classmethod
    def keep(
        cls, within: Path, places: NDArray[Any], order: NDArray[np.int64], size: int, key: str
    ) -> "Slices":
        """Write places once, below a folder whose name tells them, so that a killed run goes on.

        Args:
            within: Where the folder is made.
            places: ``(2, n)`` numbers.
            order: ``(n,)`` in which they are cut.
            size: Places of a slice.
            key: Of what is to be found there.
        """
        content = array_to_bytes(places[:, order])
        folder = within / sha256(key.encode() + content).hexdigest()[:16]
        if not (folder / PLACES).exists():
            publish(folder / PLACES, content)
        return cls(folder, order, size)

    def __iter__(self) -> Iterator[Slice]:
        count = len(self.order)
        starts = range(0, count, self.size)
        return (Slice(self.folder, each, min(each + self.size, count)) for each in starts)

    def tasks(self) -> list[Task]:
        """Return a task for each; its name tells places and key, so that it needs no other."""
        return [Task(f"{self.folder.name}-{each.start:09}", each) for each in self]

    def joined(self, empty: NDArray[Any]) -> NDArray[Any]:
        """Put what was found ``(place, ...)`` into an array, in the order of the places given."""
        for each in self:
            empty[self.order[each.start : each.stop]] = np.load(each.result)
        return empty
