"""Workers behind one narrow door: send a function once, submit places, hear what ended.

No graph, no arrays: arguments and results are small.
"""

import logging
import queue
import signal
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Literal

import cloudpickle
from dask.local import SynchronousExecutor
from distributed import Client, Future, KilledWorker, Worker, WorkerPlugin
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from biomap_xr.cluster.asking import answered, quietly
from biomap_xr.cluster.memory import release_freed_memory
from biomap_xr.cluster.profiles import Device

logger = logging.getLogger(__name__)

Job = Callable[..., object]
PREFIX = "tile"
FETCH = 600
"""Seconds to wait for a result: a tile whose worker died right after it is run once more."""
ANSWER = 60.0
"""Seconds to wait for a scheduler's answer; one under load takes some, a dead one all of them."""
FAREWELL = 2.0
"""Seconds to wait for it when what it does matters no more."""
REFRESH = 2.0
"""Seconds for which the number of workers is taken as known: a large cluster's list is long."""

# Of a worker's process; a task finds its function here by the token that it carries.
_jobs: dict[str, Job] = {}


@dataclass(frozen=True)
class Ended:
    """A task that has ended, well or not."""

    name: str
    fate: Literal["finished", "failed", "killed", "lost"]
    """``killed``: workers died around it; ``lost``: there is no cluster any more."""
    value: object = None
    error: BaseException | None = None


class SerialSession:
    """Tasks run here, in this thread, when they are waited for.

    >>> session = SerialSession()
    >>> session.start(lambda number: 10 // number)
    >>> session.submit("a", 5)
    >>> session.submit("b", 0)
    >>> [(ended.name, ended.fate, ended.value) for _ in "ab" for ended in session.wait(0)]
    [('a', 'finished', 2), ('b', 'failed', None)]
    """

    slots = 1
    threads = 1
    workers = 1
    isolated = False

    def __init__(self, device: Device = "cpu") -> None:
        self.device: Device = device
        self._job: Job | None = None
        self._waiting: deque[tuple[str, tuple[object, ...]]] = deque()
        self._executor = SynchronousExecutor()

    def start(self, job: Job) -> None:
        """Take the function that `submit` runs from now on."""
        self._job = job

    def submit(self, name: str, *arguments: object) -> None:
        """Put a call in the line."""
        self._waiting.append((name, arguments))

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Run the first call in the line, however long that takes.

        Raises:
            KeyboardInterrupt: The person at the keyboard wants it to end at once.
        """
        if not self._waiting:
            return ()
        name, arguments = self._waiting.popleft()
        future = self._executor.submit(self._job, *arguments)
        error = future.exception()
        if error is None:
            return (Ended(name, "finished", future.result()),)
        # The executor catches all; a request to end is not a failure of the tile.
        if not isinstance(error, Exception):
            raise error
        return (Ended(name, "failed", error=error),)

    def abandon(self) -> None:
        """Forget the line."""
        self._waiting.clear()


class DaskSession:
    """Tasks run on the workers of a Dask cluster."""

    isolated = True

    def __init__(
        self, client: Client, *, device: Device = "cpu", resources: dict[str, float] | None = None
    ) -> None:
        self.device: Device = device
        self.client = client
        self._resources = resources or None
        self._token = ""
        self._futures: dict[str, Future[object] | None] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._known: list[int] = []
        self._asked = -REFRESH

    @property
    def workers(self) -> int:
        """Worker processes that are there now."""
        return len(self._threads())

    @property
    def slots(self) -> int:
        """Tasks that run at one time on all workers together."""
        return sum(self._threads())

    @property
    def threads(self) -> int:
        """Tasks that run at one time within one process."""
        return max(self._threads(), default=1)

    def start(self, job: Job) -> None:
        """Send the function to every worker that is there or will come, once each.

        Raises:
            OSError: The scheduler is gone, or does not answer (`TimeoutError`).
        """
        # A token for each function: a scheduler elsewhere may serve several runs.
        self._forget_job()
        self._token = uuid.uuid4().hex
        plugin = JobPlugin(self._token, cloudpickle.dumps(job))
        answered(ANSWER, self.client.register_plugin, plugin)

    def submit(self, name: str, *arguments: object) -> None:
        """Run the function on some worker; a cluster that is gone is told by `wait`."""
        if self.client.status not in ("running", "connecting"):
            self._futures[name] = None
            self._ended.put(name)
            return
        # Resources go with the task: annotations are lost when a graph is optimised.
        future = self.client.submit(
            run_job,
            self._token,
            *arguments,
            # One key prefix: the scheduler learns the time of a tile, and queues tiles as equals.
            key=(PREFIX, self._token, name),
            pure=False,
            resources=self._resources,
        )
        # The session holds the future until it ends: a task nobody holds is forgotten.
        self._futures[name] = future
        ended = self._ended
        future.add_done_callback(lambda _: ended.put(name))

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Return what ended since the last call, after at most so many seconds."""
        names = []
        try:
            names.append(self._ended.get(timeout=seconds))
            while True:
                names.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        return tuple(self._end(name) for name in names if name in self._futures)

    def abandon(self) -> None:
        """Cancel all tasks that have not ended; one that runs already ends unheard."""
        futures, self._futures = [each for each in self._futures.values() if each], {}
        if futures and self.client.status == "running":
            # A finished run leaves nothing behind on a scheduler that goes on.
            quietly(FAREWELL, self.client.cancel, futures, force=True)

    def close(self) -> None:
        """Let the workers forget the function; what hinders that is no error of the run."""
        self.abandon()
        self._forget_job()

    def _end(self, name: str) -> Ended:
        future = self._futures.pop(name)
        if future is None:
            return Ended(name, "lost", error=CancelledError(f"task {name} found no scheduler"))
        try:
            # Its worker or scheduler may be gone meanwhile.
            if future.status == "finished":
                return Ended(name, "finished", future.result(timeout=FETCH))
            error = future.exception(timeout=ANSWER)
        except (CancelledError, TimeoutError) as gone:
            return Ended(name, "lost", error=gone)
        if error is None:
            return Ended(name, "lost", error=CancelledError(f"task {name} was {future.status}"))
        if isinstance(error, KilledWorker):
            return Ended(name, "killed", error=error)
        lost = isinstance(error, NoWorkerError | NoValidWorkerError)
        return Ended(name, "lost" if lost else "failed", error=error)

    def _threads(self) -> list[int]:
        """Return the number of threads of each worker, asking the scheduler now and then."""
        now = time.monotonic()
        if now - self._asked > REFRESH:
            self._asked = now
            # Without an answer, what was known last is the best guess; the end is told by `wait`.
            info = quietly(ANSWER, self.client.scheduler_info, n_workers=-1)
            if info is not None:
                self._known = [worker["nthreads"] for worker in info.get("workers", {}).values()]
        return self._known

    def _forget_job(self) -> None:
        if self._token and self.client.status == "running":
            quietly(FAREWELL, self.client.unregister_worker_plugin, f"biomap-job-{self._token}")
        self._token = ""


Session = SerialSession | DaskSession


class JobPlugin(WorkerPlugin):
    """Brings a function to a worker when the worker starts, so that tasks need not carry it."""

    def __init__(self, token: str, content: bytes) -> None:
        self.name = f"biomap-job-{token}"
        self.token = token
        self.content = content

    def setup(self, worker: Worker) -> None:
        """Unpack the function in the worker's process."""
        _jobs[self.token] = cloudpickle.loads(self.content)

    def teardown(self, worker: Worker) -> None:
        """Drop the function, and with it whatever it holds."""
        _jobs.pop(self.token, None)


class IgnoreInterrupt(WorkerPlugin):
    """Leaves Ctrl-C to the driver, which ends the run in good order."""

    name = "biomap-ignore-interrupt"

    def setup(self, worker: Worker) -> None:
        """Ignore SIGINT in the worker's process."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_job(token: str, *arguments: Any) -> object:
    """Call the function that `JobPlugin` brought to this worker, and tidy up behind it."""
    try:
        return _jobs[token](*arguments)
    finally:
        # What a tile has freed is the next one's, but a worker must not grow by what lies between.
        release_freed_memory()
