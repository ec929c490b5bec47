"""One loop for every fit by gradient: epochs, early stopping, rates, device, checkpoints.

A fit is a function of its lesson, course, seed, device and number of threads, never of the time it
took or of how often it was interrupted.
"""

import hashlib
import io
import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.flop_counter import FlopCounterMode

from biomap_xr.cluster.cpus import usable_cpus
from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run import stopping
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.kept import KeptFolder

Precision = Literal["float32", "bfloat16"]
SMALL = 50_000_000
"""Operations of a step's forward pass below which one thread computes it: some milliseconds of
work in about a hundred parts that threads would wait for. Three million are no faster with two
threads (``benchmarks/threads.py``); where exactly the border lies depends on the machine."""
WORTH = 10
"""Times as long as writing a checkpoint that epochs since the last one must have taken: small
networks have epochs of milliseconds, and a kill costs them no more than that."""
COURSE, STATE = "course.json", "state.pt"


@dataclass(frozen=True)
class Epoch:
    """How one epoch went."""

    stage: str
    """What was fitted."""
    epoch: int
    """1 for the first."""
    epochs: int
    """At most."""
    loss: float
    """Mean over what was trained on."""
    validation_loss: float | None
    """None where nothing is held out."""
    accuracy: float | None
    """Share of right guesses on what is held out, or else in training; None where none are made."""
    learning_rate: float
    """At its first step."""
    seconds: float

    def told(self, *names: str) -> dict[str, Any]:
        """Return some of its figures for a card; seconds depend on the machine's load."""
        return {name: getattr(self, name) for name in names}


Progress = Callable[[Epoch], None]
"""Told after each epoch."""


@dataclass(frozen=True)
class Step:
    """What one step found."""

    loss: Tensor
    """Scalar with its gradient: a mean over ``of``."""
    of: int
    right: Tensor | None = None
    """Scalar: how many of these were guessed."""


@dataclass(frozen=True)
class Validation:
    """How well the network does on what it does not train on."""

    loss: float
    monitored: float
    """What the best epoch is chosen by; lower is better."""
    accuracy: float | None = None


class Lesson(Protocol):
    """What is taught to which network."""

    stage: str

    @property
    def network(self) -> nn.Module:
        """What is fitted."""

    def batches(self, generator: np.random.Generator) -> Sequence[NDArray[np.int64]]:
        """Deal out the rows of an epoch."""

    def step(self, rows: NDArray[np.int64], generator: np.random.Generator) -> Step:
        """Read some rows and compute the loss; the network is in training mode."""

    def validate(self) -> Validation | None:
        """Look at what is held out, without gradients; None where nothing is."""


@dataclass(frozen=True)
class Course:
    """How long a fit goes on, and with what arithmetic."""

    epochs: int
    """At most."""
    seed: int
    patience: int | None = None
    """Epochs without a better one before it stops; None goes on to the last."""
    min_gain: float = 0.0
    """Share by which a better epoch is lower."""
    clip: float | None = None
    """Longest gradient of a step."""
    threads: int | None = None
    """Of the arithmetic; None takes one for a small network, else all that the process may use."""
    precision: Precision = "float32"
    """Of products and convolutions on a GPU."""
    fresh: bool = False
    """Whether random numbers of an epoch come from the seed and its number alone, not from one
    stream through all epochs."""


@dataclass(frozen=True)
class Watching:
    """Who is told about a fit, and where it goes on after it was killed."""

    progress: Progress | None = None
    checkpoint: Path | None = None
    """Folder of a whole epoch, the last one but for very short ones; None keeps none."""

    def within(self, name: str) -> Self:
        """Return the same for one part of a longer training."""
        folder = None if self.checkpoint is None else self.checkpoint / name
        return replace(self, checkpoint=folder)

    def forget(self) -> None:
        """Remove the checkpoint: what was fitted is kept elsewhere by now."""
        if self.checkpoint is not None:
            shutil.rmtree(self.checkpoint, ignore_errors=True)


UNWATCHED = Watching()


@dataclass(frozen=True)
class Fitted:
    """How a whole fit went."""

    history: tuple[Epoch, ...]
    best_epoch: int
    """Whose weights were kept, from 1; the last one where nothing is held out."""
    lowest: float | None
    """What was monitored in that epoch; None where nothing is held out."""
    threads: int


def device_of(name: str) -> torch.device:
    """Return the device of a profile.

    Raises:
        InputError: This process cannot use it.

    >>> device_of("cpu")
    device(type='cpu')
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"device {name!r} is none ({str(error).splitlines()[0]}); expected cpu, cuda or cuda:1"
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {name!r}: this process sees {torch.cuda.device_count()} GPUs that torch "
            f"{torch.__version__} can use; take a profile of processors, such as "
            "cluster/local.yaml, or install a build of torch for this machine's GPUs"
        )
    return device


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Start torch's random numbers from a seed, and put those of the process back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def fit(
    lesson: Lesson,
    course: Course,
    optimiser: torch.optim.Optimizer,
    schedule: LRScheduler | None = None,
    *,
    data: Callable[[], str],
    watching: Watching = UNWATCHED,
) -> Fitted:
    """Fit a network in place, from its start or from a checkpoint, to the same bits.

    Args:
        lesson: Its network ends in inference mode with the weights of the best epoch, or of the
            last one where nothing is held out.
        course: Length, arithmetic and seed; `seeded` is for the caller, who makes the network.
        optimiser: Of the network's parameters.
        schedule: Of its rate: told the loss of each epoch if it waits for a plateau, else stepped
            after each batch.
        data: Gives the fingerprint of everything that a step reads, data and settings; only asked
            where there is a checkpoint, which is for that, this start, course, device and number of
            threads.
        watching: Listener and checkpoint.

    Returns:
        The course, epoch by epoch.

    Raises:
        InputError: The loss is no number.
        StoppedError: Somebody asked this run to stop; the checkpoint stays.
    """
    threads = _threads_for(lesson, course)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        fitter = _Fitter(lesson, course, optimiser, schedule)
        identity = ""
        if watching.checkpoint is not None:
            identity = _identity(lesson, course, threads, data())
            fitter.take_up(watching.checkpoint, identity)
        while len(fitter.history) < course.epochs and not fitter.tired:
            epoch = fitter.epoch()
            if watching.checkpoint is not None:
                fitter.keep(watching.checkpoint, identity)
            if watching.progress is not None:
                watching.progress(epoch)
    finally:
        torch.set_num_threads(before)
    if fitter.best is not None:
        lesson.network.load_state_dict(fitter.best)
    lesson.network.eval()
    lowest = None if math.isnan(fitter.lowest) else fitter.lowest
    return Fitted(tuple(fitter.history), fitter.best_epoch, lowest, threads)


class _Fitter:
    """A fit, and how far it has come."""

    def __init__(
        self,
        lesson: Lesson,
        course: Course,
        optimiser: torch.optim.Optimizer,
        schedule: LRScheduler | None,
    ) -> None:
        self.lesson, self.course = lesson, course
        self.optimiser, self.schedule = optimiser, schedule
        self.device = _place(lesson.network)
        self.generator = np.random.default_rng(course.seed)
        self.history: list[Epoch] = []
        self.best_epoch, self.lowest = 0, math.nan
        self.best: dict[str, Tensor] | None = None
        self.kept, self.cost = perf_counter(), 0.0

    @property
    def tired(self) -> bool:
        """Whether patience has ended."""
        waited = len(self.history) - self.best_epoch
        return self.course.patience is not None and waited >= self.course.patience

    def epoch(self) -> Epoch:
        """Train once over all rows and look at what is held out."""
        start, number = perf_counter(), len(self.history) + 1
        if self.course.fresh:
            state = np.random.SeedSequence(
                [self.course.seed, number - 1, *self.lesson.stage.encode()]
            )
            torch.manual_seed(int(state.generate_state(1)[0]))
            self.generator = np.random.default_rng(state)
        rate = float(self.optimiser.param_groups[0]["lr"])
        loss, accuracy = self._train_once(number)
        self.lesson.network.eval()
        with torch.no_grad():
            found = self.lesson.validate()
        epoch = Epoch(
            stage=self.lesson.stage,
            epoch=number,
            epochs=self.course.epochs,
            loss=loss,
            validation_loss=found.loss if found else None,
            accuracy=found.accuracy if found else accuracy,
            learning_rate=rate,
            seconds=perf_counter() - start,
        )
        self.history.append(epoch)
        self._judge(found)
        return epoch

    def _train_once(self, number: int) -> tuple[float, float | None]:
        """Return the mean loss of an epoch, and the share of right guesses."""
        network = self.lesson.network.train()
        # On the device: asking for each step's loss would wait for each step.
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        right, of, guessed = torch.zeros((), device=self.device), 0, False
        reduced = self.device.type == "cuda" and self.course.precision == "bfloat16"
        for rows in self.lesson.batches(self.generator):
            stopping.check()
            with torch.autocast(self.device.type, torch.bfloat16, enabled=reduced):
                step = self.lesson.step(rows, self.generator)
            self.optimiser.zero_grad(set_to_none=True)
            step.loss.backward()
            if self.course.clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), self.course.clip)
            self.optimiser.step()
            if self.schedule is not None and not isinstance(self.schedule, ReduceLROnPlateau):
                self.schedule.step()
            total += step.loss.detach().double() * step.of
            of += step.of
            if step.right is not None:
                right, guessed = right + step.right, True
        loss = float(total) / of
        if not math.isfinite(loss):
            raise InputError(
                f"{self.lesson.stage}: the loss is {loss} in epoch {number}, expected a number; "
                f"lower the learning rate ({self.optimiser.defaults['lr']:g}) or check the inputs"
            )
        return loss, float(right) / of if guessed else None

    def _judge(self, found: Validation | None) -> None:
        """Note whether the last epoch is the best so far; without validation it is."""
        if found is None:
            self.best_epoch = len(self.history)
            return
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(found.loss)
        # The first epoch counts, whatever it is.
        first = math.isnan(self.lowest)
        if first or found.monitored < self.lowest * (1 - self.course.min_gain):
            self.best_epoch, self.lowest = len(self.history), found.monitored
            self.best = deepcopy(self.lesson.network.state_dict())

    def keep(self, folder: Path, identity: str) -> None:
        """Write where the fit is, completely or not at all, unless that was just written."""
        start = perf_counter()
        if start - self.kept < WORTH * self.cost:
            return
        KeptFolder(folder).write(self._files(), identity)
        self.kept = perf_counter()
        self.cost = self.kept - start

    def _files(self) -> dict[str, bytes]:
        cuda = self.device.type == "cuda"
        state = {
            "network": self.lesson.network.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "generator": self.generator.bit_generator.state,
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
        }
        content = io.BytesIO()
        torch.save(state, content)
        course = {
            "history": [asdict(epoch) for epoch in self.history],
            "best_epoch": self.best_epoch,
            "lowest": self.lowest,
        }
        return {COURSE: json.dumps(course, indent=1).encode(), STATE: content.getvalue()}

    def take_up(self, folder: Path, identity: str) -> None:
        """Go on where a checkpoint was left; one of another fit, or a damaged one, is left out."""
        shelf = KeptFolder(folder)
        if shelf.key != identity:
            return
        try:
            files = shelf.read()
        except CorruptError:
            # Nothing is lost but time: what it holds can be computed again.
            return
        course = json.loads(files[COURSE])
        state = torch.load(io.BytesIO(files[STATE]), map_location="cpu", weights_only=True)
        self.lesson.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.generator.bit_generator.state = state["generator"]
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], self.device)
        self.best = state["best"]
        self.history = [Epoch(**epoch) for epoch in course["history"]]
        self.best_epoch, self.lowest = course["best_epoch"], course["lowest"]


def _threads_for(lesson: Lesson, course: Course) -> int:
    """Return the threads of a fit: one where a step is too small to be shared."""
    if course.threads is not None:
        return course.threads
    allowed = min(torch.get_num_threads(), usable_cpus())
    if allowed == 1 or _place(lesson.network).type != "cpu":
        return allowed
    generator = np.random.default_rng(course.seed)
    rows = lesson.batches(generator)[0]
    # In inference mode nothing is drawn and no running mean moves: the fit does not see this.
    lesson.network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        lesson.step(rows, generator)
    return 1 if counter.get_total_flops() < SMALL else allowed


def _identity(lesson: Lesson, course: Course, threads: int, data: str) -> str:
    """Return the fingerprint of everything that the bits of a fit depend on."""
    start = hashlib.sha256()
    for name, value in lesson.network.state_dict().items():
        start.update(name.encode())
        start.update(value.detach().cpu().contiguous().numpy().tobytes())
    parts: dict[str, Any] = {
        "data": data,
        "stage": lesson.stage,
        "course": asdict(course),
        "start": start.hexdigest(),
        "device": str(_place(lesson.network)),
        "threads": threads,
        "torch": torch.__version__,
    }
    return fingerprint_of(parts)


def _place(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
