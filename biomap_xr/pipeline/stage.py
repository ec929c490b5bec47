"""A stage is one subject of a run: every verb of the command line asks all stages the same things.

Whether a recipe wants it, what is wrong with its inputs, what it depends on, how far it is, and how
it is made. A new map is a new file in `biomap_xr.pipeline.stages` and a line in its tuple. What a
stage needs for its work is imported when there is work: models are heavy, and `biomap status` is
asked often.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from biomap_xr.errors import BiomapError
from biomap_xr.pipeline.problems import Check
from biomap_xr.recipe import Recipe
from biomap_xr.run.durable import publish
from biomap_xr.run.fingerprint import fingerprint_of

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.pipeline.making import Making
    from biomap_xr.report.content import ReportContent

Progress = Literal["absent", "unknown", "stale", "partial", "done"]
"""``unknown``: an input cannot be read, so that nobody can say."""
EARLIER = "an earlier version made it"


@dataclass(frozen=True)
class Key:
    """All that a stage's result depends on, by name."""

    parts: "Mapping[str, JsonValue]"

    @cached_property
    def name(self) -> str:
        """One fingerprint of all parts."""
        return fingerprint_of(self.parts)

    @cached_property
    def digests(self) -> dict[str, str]:
        """A short fingerprint of each part, by which a change can be named."""
        return {name: fingerprint_of({name: part})[:16] for name, part in self.parts.items()}


@dataclass(frozen=True)
class Record:
    """The key that a stage was last made by, and whether it came to its end."""

    key: str
    digests: Mapping[str, str]
    done: bool

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the record of a file; None where there is none that can be read."""
        try:
            found = json.loads(path.read_text())
            return cls(str(found["key"]), dict(found["digests"]), bool(found["done"]))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def keep(cls, path: Path, key: Key, *, done: bool) -> None:
        """Write a stage's record, unless it is there as it is."""
        record = cls(key.name, key.digests, done)
        if cls.read(path) != record:
            content = {"key": key.name, "digests": dict(key.digests), "done": done}
            publish(path, json.dumps(content, indent=1))

    def changed(self, key: Key) -> tuple[str, ...]:
        """Name the parts that are not those of another key."""
        names = dict.fromkeys((*key.digests, *self.digests))
        return tuple(n for n in names if key.digests.get(n) != self.digests.get(n))


@dataclass(frozen=True)
class Part:
    """Something that a stage makes, and how much of it is there.

    >>> str(Part("maps", 3, 4, "tiles")), str(Part("maps")), str(Part("model", 1, 1))
    ('maps: 3 of 4 tiles finished', 'maps: not begun', 'model: trained')
    """

    name: str
    there: int = 0
    of: int = 0
    """All that there will be; 0 where that is not known yet."""
    unit: str = ""
    """What is counted; empty for something that is there or not."""
    words: tuple[str, str] = ("trained", "not trained yet")
    """For something that is there, and that is not."""

    @property
    def done(self) -> bool:
        """Whether it has begun and nothing is left."""
        return 0 < self.of <= self.there

    def __str__(self) -> str:
        if self.unit and self.of:
            return f"{self.name}: {self.there} of {self.of} {self.unit} finished"
        if self.of or not self.words:
            return f"{self.name}: {self.words[0] if self.done else self.words[1]}"
        return f"{self.name}: not begun"


def thing(name: str, *, there: bool, words: tuple[str, str] = Part.words) -> Part:
    """Return a part that is there or not."""
    return Part(name, int(there), 1, words=words)


@dataclass(frozen=True)
class State:
    """How far a stage is."""

    progress: Progress
    parts: tuple[Part, ...] = ()
    why: str = ""
    """What makes it stale or unknown."""

    @property
    def done(self) -> bool:
        """Whether there is nothing to be made."""
        return self.progress == "done"

    def as_dict(self) -> "dict[str, JsonValue]":
        """Return plain values for JSON."""
        parts: dict[str, JsonValue] = {p.name: {"there": p.there, "of": p.of} for p in self.parts}
        return {"state": self.progress, "why": self.why, "parts": parts}


class Stage(ABC):
    """One subject of a run."""

    name: ClassVar[str]
    """As the command line and the key of later stages name it."""
    after: ClassVar[tuple[str, ...]] = ()
    """Stages whose results it reads, where the recipe wants them."""
    programs: ClassVar[tuple[str, ...]] = ()
    """Names of what it fills tile by tile, as their receipts have them."""

    @abstractmethod
    def wanted(self, recipe: Recipe) -> bool:
        """Say whether a recipe asks for it."""

    @abstractmethod
    def checks(self, making: "Making") -> Iterator[Check]:
        """Yield all that can be wrong with its inputs, each by itself."""

    @abstractmethod
    def depends(self, making: "Making") -> "Mapping[str, JsonValue]":
        """Name all that its result depends on beside the results of earlier stages.

        Raises:
            InputError: A file cannot be read.
        """

    @abstractmethod
    def parts(self, making: "Making") -> tuple[Part, ...]:
        """Return what is there of it, of whatever key."""

    @abstractmethod
    def make(self, making: "Making") -> Any:
        """Make what is not there yet, and return its result.

        Raises:
            BiomapError: It cannot be made, or is not whole.
        """

    @abstractmethod
    def result(self, making: "Making") -> Any:
        """Return what was made before, as later stages read it."""

    def verify(self, making: "Making") -> None:
        """Make sure that what is done is what was written, where that costs little.

        Raises:
            InputError: Somebody has put something else there.
            CorruptError: A file was changed.
        """
        # Later stages compare what they read: shards and voters have checksums of their own.
        return

    def said(self, making: "Making") -> Iterator[str]:
        """Say on the terminal what there is of it and where, without loading it."""
        return iter(())

    def told(self, making: "Making", content: "ReportContent") -> "ReportContent":
        """Add what was found to a report, read from the workspace alone; nothing where it is not.

        Raises:
            InputError: What is there cannot be read.
        """
        return content

    def forget(self, making: "Making") -> None:
        """Remove what a former recipe of the workspace asked for and this one does not."""
        # Most of what a stage made stays: the recipe may ask for it again.
        return

    def state(self, making: "Making") -> State:
        """Look at how far it is; nothing is opened for writing or computed."""
        parts = self.parts(making)
        record = Record.read(making.workspace.record(self.name))
        begun = any(part.there or part.of > 1 for part in parts)
        if record is None:
            return State("stale", parts, EARLIER) if begun else State("absent", parts)
        try:
            changed = record.changed(making.key(self.name))
        except BiomapError as error:
            return State("unknown", parts, str(error))
        if changed:
            return State("stale", parts, f"changed: {', '.join(changed)}")
        whole = record.done and all(part.done for part in parts)
        return State("done" if whole else "partial" if begun else "absent", parts)
