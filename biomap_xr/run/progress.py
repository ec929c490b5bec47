"""What a run says: a live display on a terminal, plain lines elsewhere, events in the workspace."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from biomap_xr.run.task import TILES

logger = logging.getLogger(__name__)

EVENTS = "events.jsonl"
Kind = Literal["began", "written", "retried", "set_aside", "stopping", "ended"]


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""

    kind: Kind
    program: str
    tile: str = ""
    """Name of the tile or other task."""
    cells: int = 0
    """Of the tile, where one was written."""
    seconds: float = 0.0
    """That the task took on its worker, or the whole run where it ended."""
    tiles: int = 0
    """To be computed, where the run began."""
    skipped: int = 0
    """Finished by an earlier run, where the run began."""
    note: str = ""
    unit: str = TILES
    """Plural of what the program works on."""

    @property
    def one(self) -> str:
        """Singular of what the program works on.

        >>> Event("began", "by_environment", unit="fits").one
        'fit'
        """
        return self.unit.removesuffix("s")


class Listener(Protocol):
    """Whoever wants to know what a run does."""

    def __call__(self, event: Event) -> None:
        """Take note of an event."""


def silent(event: Event) -> None:
    """Listen to nothing."""


@dataclass(frozen=True)
class Tally:
    """Where a run stands, as the sum of its events."""

    tiles: int = 0
    skipped: int = 0
    written: int = 0
    retried: int = 0
    set_aside: int = 0
    cells: int = 0
    unit: str = TILES

    def after(self, event: Event) -> "Tally":
        """Return where the run stands after one more event.

        >>> begun = Tally().after(Event("began", "maps", tiles=4))
        >>> begun.after(Event("written", "maps", cells=250_000)).left
        3
        """
        if event.kind == "began":
            return Tally(tiles=event.tiles, skipped=event.skipped, unit=event.unit)
        if event.kind == "written":
            return replace(self, written=self.written + 1, cells=self.cells + event.cells)
        if event.kind == "retried":
            return replace(self, retried=self.retried + 1)
        if event.kind == "set_aside":
            return replace(self, set_aside=self.set_aside + 1)
        return self

    @property
    def left(self) -> int:
        """Tasks that are neither written nor set aside."""
        return self.tiles - self.written - self.set_aside

    def pace(self, seconds: float) -> str:
        """Say how fast the run goes and how long it still takes, after so many seconds.

        >>> Tally(tiles=4, written=1, cells=250_000).pace(10)
        '25,000 cells/s, 30 s left'
        >>> Tally(tiles=4, written=2, unit="fits").pace(60)
        '1 min 0 s left'
        """
        if not self.written or seconds <= 0:
            return f"no {self.unit.removesuffix('s')} finished yet"
        left = f"{duration(self.left * seconds / self.written)} left"
        return f"{self.cells / seconds:,.0f} cells/s, {left}" if self.cells else left

    def __str__(self) -> str:
        trouble = f", {self.set_aside} set aside" if self.set_aside else ""
        trouble += f", {self.retried} retried" if self.retried else ""
        earlier = f", {self.skipped} were done before" if self.skipped else ""
        return f"{self.written} of {self.tiles} {self.unit}{trouble}{earlier}"


def duration(seconds: float) -> str:
    """Write a time as a person says it.

    >>> [duration(each) for each in (7.4, 200, 8000, 200_000)]
    ['7 s', '3 min 20 s', '2 h 13 min', '2 d 7 h']
    """
    whole = round(seconds)
    for large, unit, small, smaller in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= large:
            return f"{whole // large} {unit} {whole % large // small} {smaller}"
    return f"{whole} s"


@dataclass
class LogLines:
    """Plain lines through `logging`: trouble at once, progress every few seconds at the most."""

    every: float = 10.0
    """Seconds between two lines of progress."""
    clock: Callable[[], float] = time.monotonic
    _tally: Tally = field(default=Tally(), init=False)
    _start: float = field(default=0.0, init=False)
    _said: float = field(default=0.0, init=False)

    def __call__(self, event: Event) -> None:
        """Take note of an event, and say what it changes."""
        # Tiles of one wave end together: without a pause they would fill the log.
        now = self.clock()
        self._tally = self._tally.after(event)
        if event.kind == "began":
            self._start = self._said = now
            logger.info(
                "%s: %d %s to do, %d done before",
                event.program,
                event.tiles,
                event.unit,
                event.skipped,
            )
        elif event.kind in ("retried", "set_aside", "stopping"):
            logger.warning("%s: %s", event.program, describe(event))
        elif event.kind == "ended":
            logger.info("%s: %s in %s", event.program, self._tally, duration(event.seconds))
        elif now - self._said >= self.every:
            self._said = now
            logger.info(
                "%s: %s, %s", event.program, self._tally, self._tally.pace(now - self._start)
            )


def describe(event: Event) -> str:
    """Say on one line what went wrong.

    >>> describe(Event("set_aside", "maps", tile="25kmE4000N2800", note="OSError: no space"))
    'tile 25kmE4000N2800 set aside: OSError: no space'
    """
    where = f"{event.one} {event.tile} " if event.tile else ""
    reason = event.note.splitlines()[0] if event.note else "no reason given"
    return f"{where}{event.kind.replace('_', ' ')}: {reason}"


class LiveDisplay:
    """A bar that moves, on a terminal; trouble scrolls by above it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[tally]}  {task.fields[pace]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._clock = clock
        self._tally = Tally()
        self._start = 0.0
        self._row: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """Take note of an event, and show what it changes."""
        self._tally = self._tally.after(event)
        # A pipeline fills with several programs, one after the other: a row for each.
        if event.kind == "began" or self._row is None:
            self._start = self._clock()
            self._row = self.bar.add_task(
                event.program, total=self._tally.tiles or None, tally="", pace=""
            )
        if event.kind in ("retried", "set_aside", "stopping"):
            self.bar.console.log(
                f"{event.program}: {describe(event)}", markup=False, highlight=False
            )
        elapsed = self._clock() - self._start
        pace = "" if event.kind == "ended" else self._tally.pace(elapsed)
        done = self._tally.tiles - self._tally.left
        self.bar.update(
            self._row,
            completed=done,
            total=max(self._tally.tiles, 1),
            tally=str(self._tally),
            pace=pace,
        )


class EventLog:
    """Every event as one JSON object on a line of its own, appended to a file of the workspace."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        if path.exists() and path.stat().st_size and not _ends_its_line(path):
            # The last line was torn when its writer was killed: start on a fresh one.
            self._append("\n")

    def __call__(self, event: Event) -> None:
        """Append an event with the time, leaving out what does not belong to its kind."""
        content = {name: value for name, value in asdict(event).items() if value}
        if event.unit == TILES:
            del content["unit"]
        self._append(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **content}) + "\n")

    def _append(self, text: str) -> None:
        # Opened anew each time: the line is with the system even if this process is killed next.
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def _ends_its_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


@contextmanager
def watch(workspace: Path, console: Console | None = None) -> Iterator[Listener]:
    """Show the progress of what runs in the context, and log it in the workspace.

    Args:
        workspace: Folder of the run.
        console: Where a person looks; standard error where not given. Plain lines where it is no
            terminal.

    Yields:
        The listener, to be given to `fill`.
    """
    console = console or Console(file=sys.stderr)
    log = EventLog(workspace / EVENTS)
    if not console.is_terminal:
        yield _both(log, LogLines())
        return
    display = LiveDisplay(console)
    with display.bar:
        yield _both(log, display)


def _both(first: Listener, second: Listener) -> Listener:
    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen
