"""Doing tasks, such as tiles: a bounded window of them, retries, set-aside, an orderly end.

The scheduler is the session's; this only decides which task is tried next. No graph is built and no
array travels: what goes out is a task's name and small arguments, what comes back a small record.
"""

import errno
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from biomap_xr.errors import InputError, SetAsideError, StoppedError
from biomap_xr.grid.cells import Tile
from biomap_xr.run import stopping
from biomap_xr.run.attempt import Attempt, WorkerDied, Written
from biomap_xr.run.failpoints import reach
from biomap_xr.run.failures import Failure
from biomap_xr.run.progress import Event, Listener, silent
from biomap_xr.run.receipts import Ledger
from biomap_xr.run.settings import FillSettings
from biomap_xr.run.task import Item, Named, Program, timeout_of, unit_of

# No other task would fare better: the run stops instead of setting each one aside.
HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
# Seconds between two looks at whether somebody asked the run to stop.
HEARTBEAT = 0.5
LOST = "the cluster is gone"


class Ended(Protocol):
    """A task that a session has ended."""

    @property
    def name(self) -> str:
        """As it was submitted."""

    @property
    def fate(self) -> str:
        """``finished``, ``failed`` (raised), ``killed`` (workers died), ``lost`` (no cluster)."""

    @property
    def value(self) -> Any:
        """What it returned."""

    @property
    def error(self) -> BaseException | None:
        """What it raised."""


class Session(Protocol):
    """Workers that run one function on many tasks; `biomap_xr.cluster` opens them."""

    @property
    def slots(self) -> int:
        """Tasks that run at one time on all workers together."""

    @property
    def threads(self) -> int:
        """Tasks that run at one time within one process."""

    @property
    def isolated(self) -> bool:
        """Whether a task may die without taking the driver with it."""

    def start(self, job: Callable[..., object]) -> None:
        """Send the function to every worker, once."""

    def submit(self, name: str, *arguments: object) -> None:
        """Run the function somewhere; ``name`` is unique."""

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return the tasks that ended since the last call, after at most so many seconds."""

    def abandon(self) -> None:
        """Forget all tasks that have not ended."""


@dataclass(frozen=True)
class Summary:
    """What became of the tasks of a run."""

    program: str
    done: tuple[str, ...]
    """Written by this run."""
    skipped: tuple[str, ...]
    """Finished by an earlier run."""
    failed: tuple[Failure, ...]
    """Set aside."""
    left: tuple[str, ...] = ()
    """Not tried, or abandoned, because the run was stopped."""
    stopped: str = ""
    """Why the run was stopped before its end; empty where it was not."""
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """Exit status: 0, or that of tasks set aside or left."""
        return SetAsideError.status if self.failed or self.left or self.stopped else 0


def fill(
    program: Program[Item],
    items: Iterable[Item],
    ledger: Ledger,
    session: Session,
    *,
    root: Path,
    settings: FillSettings | None = None,
    listener: Listener = silent,
) -> Summary:
    """Run a program on every tile, or task of another kind, that has no valid receipt yet.

    The caller owns the workspace (`WorkspaceLock`).

    Args:
        program: The work on one of them.
        items: What to do; tried in this order.
        ledger: Receipts of this program.
        session: Workers.
        root: Folder that the paths of the files are relative to.
        settings: Retries, window and patience.
        listener: Told of everything that happens.

    Returns:
        What became of each. One that fails again and again is set aside; the run goes on.

    Raises:
        InputError: A worker of an earlier run is still writing, or two items have one name.
    """
    settings = settings or FillSettings()
    ledger.settle(settings.patience)
    filling = _Filling(program, ledger, session, root.absolute(), settings, listener)
    return filling.run(tuple(items))


@dataclass(eq=False)
class _Try:
    """A task on its way."""

    item: Named
    failures: int = 0
    orphaned: int = 0
    """How often workers died around it before it began."""
    suspect: bool = False
    """Its worker died while it ran; it waits for the others, then has a process for itself."""


@dataclass
class _Filling:
    program: Program[Any]
    ledger: Ledger
    session: Session
    root: Path
    settings: FillSettings
    listener: Listener

    def run(self, items: Sequence[Named]) -> Summary:
        """Do what is to be done, and say what became of each."""
        start = time.monotonic()
        self._sort(items)
        self._say("began", tiles=len(self.pending), skipped=len(self.skipped))
        if self.pending and self._started():
            self._loop()
        seconds = time.monotonic() - start
        self._say("ended", seconds=round(seconds, 3), note=self.stopped)
        left = [each.item.name for each in (*self.flying.values(), *self.pending, *self.suspects)]
        return Summary(
            self.program.name,
            tuple(self.done),
            tuple(self.skipped),
            tuple(self.failed),
            tuple(sorted(left)),
            self.stopped,
            seconds,
        )

    def _sort(self, items: Sequence[Named]) -> None:
        """Tell what is finished from what is to be done."""
        self.done: list[str] = []
        self.skipped: list[str] = []
        self.failed: list[Failure] = []
        self.pending: deque[_Try] = deque()
        self.suspects: deque[_Try] = deque()
        self.flying: dict[str, _Try] = {}
        self.submitted = 0
        self.unit = unit_of(self.program)
        self.stopped = ""
        seen: set[str] = set()
        for item in items:
            if item.name in seen:
                # One of the two would be taken for done by the other's receipt.
                raise InputError(
                    f"program {self.program.name} has two {self.unit} named {item.name!r}; "
                    "expected a name for each: rename what they are made of"
                )
            seen.add(item.name)
            if self.ledger.has(item, self.program.fingerprint, self.root):
                self.skipped.append(item.name)
            else:
                self.pending.append(_Try(item))

    def _started(self) -> bool:
        """Send the work to the workers; say whether they are there and it is still wanted."""
        if stopping.asked():
            self._halt(stopping.asked())
            return False
        # Without a process of its own, a task that hangs could only be ended with the driver.
        limit = timeout_of(self.program, self.settings.tile_timeout)
        timeout = limit if self.session.isolated else None
        try:
            self.session.start(Attempt(self.program, self.ledger, self.root, timeout))
        except OSError as error:
            self._halt(f"{LOST}: {error}")
        return not self.stopped

    def _loop(self) -> None:
        deadline = float("inf")
        try:
            with stopping.listening():
                while self._top_up() or self.flying:
                    for ended in self.session.wait(HEARTBEAT):
                        self._settle(self.flying.pop(ended.name), ended)
                    if stopping.asked():
                        self._halt(stopping.asked())
                        # Somebody waits at the keyboard, or a batch system with its axe.
                        deadline = min(deadline, time.monotonic() + stopping.GRACE)
                    if self.stopped:
                        deadline = min(deadline, time.monotonic() + self.settings.patience)
                    if self.stopped and self._in_vain(deadline):
                        break
        finally:
            # Also when a second signal interrupts: the cluster may live on without this run.
            self.session.abandon()

    def _in_vain(self, deadline: float) -> bool:
        """Say whether a run that ends has nothing to wait for."""
        # Where the driver itself is the worker, what is in flight has not begun.
        gone = self.stopped.startswith(LOST) or not self.session.isolated
        return gone or time.monotonic() > deadline

    def _top_up(self) -> bool:
        """Submit what the window has room for; say whether any remain to be submitted."""
        if self.stopped:
            return False
        while len(self.flying) < self._window() and (queue := self._queue()):
            self._submit(queue.popleft())
        return bool(self.pending or self.suspects)

    def _queue(self) -> deque[_Try]:
        """Return the line that is served now: suspects only when nothing else is on its way."""
        innocent = self.pending or any(not each.suspect for each in self.flying.values())
        return self.pending if innocent else self.suspects

    def _window(self) -> int:
        # All workers may be away for a moment, between a death and a restart.
        slots = max(self.session.slots, 1)
        if self._queue() is self.suspects:
            return slots if self.session.threads == 1 else 1
        # As many waiting as running: no worker idles while its next task is on the way.
        return self.settings.window or 2 * slots

    def _submit(self, one: _Try) -> None:
        # A name of its own for each try: the scheduler remembers what became of the last one.
        self.submitted += 1
        name = f"{one.item.name}-{self.submitted}"
        self.flying[name] = one
        self.session.submit(name, one.item, one.failures + 1)
        reach("submitted")

    def _settle(self, one: _Try, ended: Ended) -> None:
        match ended.fate, ended.value:
            case "finished", Written() as written:
                self._finish(one, written)
            case "finished", WorkerDied() as died:
                self._suspect(one, died.mark.note, died.mark.pid)
            case "killed", _:
                self._orphan(one)
            case "lost", _:
                # Not this task's fault: it counts as left, not as failed.
                self.flying[ended.name] = one
                self._halt(f"{LOST}: {ended.error}")
            case _:
                self._fail(one, ended.error)

    def _finish(self, one: _Try, written: Written) -> None:
        self.done.append(one.item.name)
        self.ledger.failures.discard(one.item.name)
        rows, columns = one.item.shape if isinstance(one.item, Tile) else (0, 0)
        self._say("written", tile=one.item.name, cells=rows * columns, seconds=written.seconds)
        reach("recorded")

    def _suspect(self, one: _Try, note: str, pid: int) -> None:
        """Try a task whose worker died again, and alone: only then is the death surely its own."""
        # Where several tasks share a process, the first death may be another one's doing.
        certain = one.suspect or self.session.threads == 1
        one.suspect = True
        reason = note or f"its worker (process {pid}) died while it ran"
        if certain:
            self._again(one, f"WorkerDied: {reason}")
        else:
            self.suspects.append(one)

    def _orphan(self, one: _Try) -> None:
        """Clear a task that is blamed for dead workers, unless it ran on the last of them."""
        mark = self.ledger.marks.of(one.item.name)
        if mark is not None:
            self.ledger.marks.end(one.item.name)
            self._suspect(one, mark.note, mark.pid)
            return
        one.orphaned += 1
        if one.orphaned > self.settings.retries:
            self._set_aside(one, "WorkersDied: all workers died before it began; see their logs")
        else:
            self.pending.append(one)

    def _fail(self, one: _Try, error: BaseException | None) -> None:
        if isinstance(error, StoppedError):
            # A task in this very process looked at the flag itself.
            self.pending.appendleft(one)
            self._halt(stopping.asked() or str(error))
            return
        text = f"{type(error).__name__}: {error}"
        if _is_hopeless(error):
            # The task itself is sound: it is left to the next run, not set aside.
            self.pending.appendleft(one)
            self._halt(f"{one.item.name}: {text}; make room under {self.root} and start again")
            return
        self._again(one, text, "".join(traceback.format_exception(error)))

    def _again(self, one: _Try, reason: str, trace: str = "") -> None:
        one.failures += 1
        if one.failures > self.settings.retries:
            self._set_aside(one, reason, trace)
            return
        (self.suspects if one.suspect else self.pending).append(one)
        self._say("retried", tile=one.item.name, note=reason)

    def _set_aside(self, one: _Try, reason: str, trace: str = "") -> None:
        failure = Failure(
            program=self.program.name,
            tile=one.item.name,
            fingerprint=self.program.fingerprint,
            root=str(self.root),
            attempts=max(one.failures, 1),
            error=reason,
            traceback=trace,
        )
        # On disk before anybody is told: a run killed from now on still names the task.
        self.failed.append(failure)
        self.ledger.failures.add(failure)
        self._say("set_aside", tile=one.item.name, note=reason)

    def _halt(self, reason: str) -> None:
        if not self.stopped:
            self.stopped = reason
            self._say("stopping", note=f"{reason}; {len(self.flying)} {self.unit} are in flight")

    def _say(self, kind: Any, **content: Any) -> None:
        self.listener(Event(kind, self.program.name, unit=self.unit, **content))


def _is_hopeless(error: BaseException | None) -> bool:
    # A room may have wrapped the system's error in one of its own.
    while error is not None:
        if isinstance(error, OSError) and error.errno in HOPELESS:
            return True
        error = error.__cause__
    return False
