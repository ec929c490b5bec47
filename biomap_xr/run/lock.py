"""One run at a time owns a workspace."""

import fcntl
import json
import logging
import os
import shlex
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from biomap_xr.errors import InputError
from biomap_xr.run.durable import Record

logger = logging.getLogger(__name__)

FILE = ".biomap.lock"
# Of a command line, enough to know a run by.
MOST = 500
# Seconds: longer than anybody holds the lock who only asks for its owner.
GLANCE = 0.3


class Owner(Record):
    """The process that owns a workspace, as it wrote itself down."""

    pid: int
    host: str
    since: str
    """Local time, to be read by a person."""
    command: str

    @classmethod
    def this_process(cls) -> Self:
        """Describe the process that asks."""
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        return cls(
            pid=os.getpid(),
            host=socket.gethostname(),
            since=since,
            command=shlex.join(sys.argv)[:MOST],
        )

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}: {self.command}"


class WorkspaceLock:
    """The right to write in a workspace, as a context.

    The operating system's lock decides, never the record in the file: a process that dies, however
    it dies, gives the workspace back, and the next one takes over.

    >>> import tempfile
    >>> with WorkspaceLock(Path(tempfile.mkdtemp())) as lock:
    ...     lock.owner.pid == os.getpid()
    True
    """

    def __init__(self, workspace: Path) -> None:
        self.path = workspace / FILE
        self.owner = Owner.this_process()
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take the workspace.

        Raises:
            InputError: Another process owns it; the message names that process.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + GLANCE
        while not _locked(descriptor, fcntl.LOCK_EX):
            # Who asks for the owner holds the lock for a blink.
            if time.monotonic() > deadline:
                # Closing another descriptor of the file does not give up the owner's lock.
                os.close(descriptor)
                raise InputError(
                    f"{self.path.parent} is in use by "
                    f"{_record(self.path) or 'an unknown process'}; expected no other run "
                    "there: wait until that one ends, end it, or name another folder with "
                    "--workspace"
                )
            time.sleep(GLANCE / 10)
        self._descriptor = descriptor
        self._sign()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the workspace back; the file stays, since removing it races with the next owner."""
        # An empty record tells an owner that left from one that died.
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1

    def _sign(self) -> None:
        former = _record(self.path)
        if former is not None:
            logger.info(
                "%s was left by %s, which is gone; this run takes it over", self.path.parent, former
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, self.owner.model_dump_json().encode(), 0)


def owner_of(workspace: Path) -> Owner | None:
    """Return the living process that owns a workspace, None where none does.

    The lock is tried: the record of a process that was killed counts for nothing.
    """
    try:
        descriptor = os.open(workspace / FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if _locked(descriptor, fcntl.LOCK_SH):
            return None
    finally:
        os.close(descriptor)
    return _record(workspace / FILE) or Owner(pid=0, host="unknown", since="unknown", command="")


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _record(path: Path) -> Owner | None:
    try:
        return Owner.model_validate(json.loads(path.read_bytes()))
    except (FileNotFoundError, json.JSONDecodeError, ValidationError):
        return None
