"""One name for what is in an input file, for everybody who depends on it.

The name is the SHA-256 of the whole content, kept by path, size, times and inode: a file that was
only touched is hashed again and keeps its name; an edit anywhere in it gives another one, also
where its time was put back.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from biomap_xr.cubes import digest_of
from biomap_xr.errors import CorruptError, InputError

logger = logging.getLogger(__name__)

THREADS = 4
"""Files that are hashed at one time; hashing frees the interpreter."""
SETTLED = 2_000_000_000
"""Nanoseconds after a change during which the next one may bear the same time."""
AT_ONCE = 2 << 30
"""Bytes that are hashed in some seconds, so that it need not be put off."""
PATIENCE = 60.0
"""Seconds to wait for other processes that write down what they hashed."""
TABLE = """CREATE TABLE IF NOT EXISTS contents (path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER,
ctime INTEGER, inode INTEGER, sha256 TEXT, name TEXT NOT NULL)"""
KNOWN = """SELECT contents.path, size, mtime, ctime, inode, sha256, name FROM contents
JOIN json_each(?) ON contents.path = json_each.value"""


class State(NamedTuple):
    """What the file system says of a file; another content comes with another state."""

    size: int
    mtime: int
    ctime: int
    """Nobody can put it back."""
    inode: int

    @classmethod
    def of(cls, path: str) -> "State":
        """Look at a file.

        Raises:
            InputError: It cannot be looked at.
        """
        try:
            found = Path(path).stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


class Entry(NamedTuple):
    """What is known of a file."""

    state: State
    sha256: str | None
    """Of the content; None where nobody has read it yet."""
    name: str
    """The first that the content had."""


@dataclass(frozen=True)
class Contents:
    """Names of the contents of files; small, and the same for all processes of a run.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "empty").write_bytes(b"")
    >>> Contents(folder / ".contents.sqlite").name(folder / "empty")[:8]
    'e3b0c442'
    """

    file: Path | None = None
    """Where hashes are kept; None: nowhere, every file is hashed each time."""

    def name(self, path: Path) -> str:
        """Return the name of one file's content (see `names`)."""
        return self.names([path])[0]

    def names(self, paths: Iterable[Path], *, later: bool = False) -> list[str]:
        """Name what is in files.

        Args:
            paths: Of the files; a path may come twice.
            later: Where there is more than `AT_ONCE` that nobody has hashed, as with 100,000
                scenes, take sizes and times for contents; the task that reads a file hashes it
                (`learn`), and the name stays.

        Returns:
            A name for each path: equal for equal contents, but for those taken ``later``.

        Raises:
            InputError: A file cannot be read, or changes while it is read.
            CorruptError: The file of hashes is none.
        """
        wanted = [str(path.absolute()) for path in paths]
        states = {path: State.of(path) for path in dict.fromkeys(wanted)}
        known = self._load(states)

        def fresh(path: str) -> bool:
            entry = known.get(path)
            return entry is not None and entry.state == states[path] and bool(entry.sha256 or later)

        stale = [path for path in states if not fresh(path)]
        unread = [path for path in stale if path not in known or known[path].sha256 is None]
        many = later and sum(states[path].size for path in unread) > AT_ONCE
        found = {p: _stand_in(states[p], known.get(p)) for p in unread} if many else {}
        for path, entry in _hashed(path for path in stale if path not in found).items():
            found[path] = entry._replace(name=_name_of(entry, states[path], known.get(path)))
        self._save(found)
        return [(found.get(path) or known[path]).name for path in wanted]

    def learn(self, paths: Iterable[Path]) -> None:
        """Hash files that were named by size and times, so that touching them redoes nothing.

        One that has changed since it was named is left alone: the next run sees that.

        Raises:
            InputError: A file cannot be read, or changes while it is read.
        """
        known = self._load(str(path.absolute()) for path in paths)
        unread = {p: each for p, each in known.items() if each.sha256 is None}
        held = [path for path, each in unread.items() if State.of(path) == each.state]
        found = _hashed(held)
        self._save({p: each._replace(name=unread[p].name) for p, each in found.items()})

    def _load(self, paths: Iterable[str]) -> dict[str, Entry]:
        if self.file is None or not self.file.exists():
            return {}
        try:
            with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as store:
                rows = store.execute(KNOWN, (json.dumps(list(paths)),)).fetchall()
        except sqlite3.OperationalError as error:
            # Another process has just begun it, or keeps it: then nothing is known yet.
            logger.debug("%s cannot be read now: %s", self.file, error)
            return {}
        except sqlite3.DatabaseError as error:
            raise CorruptError(
                f"{self.file} cannot be read as the hashes of the inputs ({error}); remove it: it "
                "is made anew, and the inputs are hashed again"
            ) from error
        return {row[0]: Entry(State(*row[1:5]), *row[5:]) for row in rows}

    def _save(self, entries: dict[str, Entry]) -> None:
        if self.file is None or not entries:
            return
        rows = [(path, *each.state, each.sha256, each.name) for path, each in entries.items()]
        try:
            with closing(sqlite3.connect(self.file, timeout=PATIENCE)) as store, store:
                store.execute(TABLE)
                store.executemany("INSERT OR REPLACE INTO contents VALUES (?,?,?,?,?,?,?)", rows)
        except sqlite3.OperationalError as error:
            # Whoever only looks may look at a folder of somebody else's.
            logger.debug("%s cannot be written, so inputs are hashed again: %s", self.file, error)


UNKEPT = Contents()
"""Hashes every file each time."""


def _name_of(entry: Entry, state: State, former: Entry | None) -> str:
    """Return the first name of a content, whatever that was: nothing becomes stale by a hash."""
    if former is None:
        return entry.name
    unread = former.sha256 is None and former.state == state
    return former.name if unread or former.sha256 == entry.sha256 else entry.name


def _stand_in(state: State, former: Entry | None) -> Entry:
    # A first name does not depend on when the file was copied here; a later one must be another.
    parts = state if former is not None else state[:2]
    return Entry(state, None, "unread-" + "-".join(map(str, parts)))


def _hashed(paths: Iterable[str]) -> dict[str, Entry]:
    wanted = list(paths)
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(wanted, pool.map(_read, wanted), strict=True))


def _read(path: str) -> Entry:
    """Hash a file that holds still meanwhile."""
    before = State.of(path)
    try:
        sha256 = digest_of(Path(path))
    except OSError as error:
        raise _unreadable(path, error) from error
    if State.of(path) != before:
        raise InputError(f"{path} changes while it is read; wait until it is whole, and run again")
    if time.time_ns() - before.ctime < SETTLED:
        # A change that follows at once may leave all times as they are: it is hashed once more.
        return Entry(before._replace(ctime=0), sha256, sha256)
    return Entry(before, sha256, sha256)


def _unreadable(path: str, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be read: {error.strerror}; correct the path, or its permissions"
    )
