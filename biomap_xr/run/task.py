"""The unit of work: a tile, a fit, a slice of plots, a file; each is done once."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from biomap_xr.cubes import Shard, digest_of
from biomap_xr.errors import InputError

TILES = "tiles"
# The name is that of several files, one of them temporary and with more around it.
NAME = re.compile(r"[A-Za-z0-9][\w.+@=-]{0,199}", re.ASCII)

Statistics = dict[str, float | list[float]]
"""Numbers about one task, by name; small, since they travel to the driver."""


class Named(Protocol):
    """Whatever work is done on: small and frozen, since it travels to a worker.

    It may have a ``key`` (text): what it alone depends on, beside what its program depends on.
    """

    @property
    def name(self) -> str:
        """Unique among all that one program works on, and fit for the name of a file."""


@dataclass(frozen=True)
class Task:
    """Work that is not a tile.

    Raises:
        InputError: The name cannot be that of a file.

    >>> Task("R_1.mlpw", {"fold": 1}, key="1f").name
    'R_1.mlpw'
    """

    name: str
    arguments: Any = None
    """What the program needs to know; small."""
    key: str = ""
    """What this task depends on that the others of its program do not."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"{self.name!r} cannot name a task; expected at most 200 ASCII letters, digits and "
                "any of . _ + - = @, with a letter or digit first: rename what it is made of"
            )


Item = TypeVar("Item", bound=Named)
Item_contra = TypeVar("Item_contra", bound=Named, contravariant=True)


@dataclass(frozen=True)
class Outcome:
    """What a program made of one task."""

    shards: tuple[Shard, ...] = ()
    """Files that are on disk already, with paths relative to the root of the run (`recorded`)."""
    statistics: Statistics = field(default_factory=dict)


class Program(Protocol[Item_contra]):
    """Work of one kind: the same bytes for the same task and fingerprint, wherever it runs.

    It is sent to each worker once. What is heavy, such as a model, it loads itself from a path at
    the first task. It may have a ``unit``: the plural of what it works on, ``tiles`` by default.
    """

    @property
    def name(self) -> str:
        """Name of the program, as receipts and progress show it."""

    @property
    def fingerprint(self) -> str:
        """Of everything that all its files depend on (see `fingerprint_of`)."""

    def __call__(self, item: Item_contra, /) -> Outcome:
        """Make and write whatever belongs to ``item``."""


def key_of(item: Named) -> str:
    """Return what an item depends on by itself; a tile has no such key.

    >>> key_of(Task("R_1", key="1f"))
    '1f'
    """
    return str(getattr(item, "key", ""))


def unit_of(program: object) -> str:
    """Return the plural of what a program works on."""
    return str(getattr(program, "unit", TILES))


def timeout_of(program: object, usual: float | None) -> float | None:
    """Return the seconds after which a task of a program is ended; None for never.

    A program whose tasks take as long as they take, such as a training, has a ``timeout`` of its
    own.

    >>> timeout_of(object(), 60.0)
    60.0
    """
    found: float | None = getattr(program, "timeout", usual)
    return found


def recorded(root: Path, *places: Path) -> tuple[Shard, ...]:
    """Describe files that a task wrote, as its `Outcome` names them.

    Args:
        root: Of the run.
        places: Files, or folders of which every file is meant; below ``root``.

    Raises:
        InputError: There is nothing at a place.

    >>> recorded(Path("."))
    ()
    """
    found: list[Shard] = []
    for place in places:
        inside = sorted(path for path in place.rglob("*") if path.is_file())
        if not inside and not place.is_file():
            raise InputError(f"{place} holds no file, expected what a task has just written")
        for path in inside or [place]:
            name = path.relative_to(root).as_posix()
            found.append(Shard(name, path.stat().st_size, digest_of(path)))
    return tuple(found)
