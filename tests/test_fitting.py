import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from biomap_xr import fitting
from biomap_xr.errors import InputError, StoppedError
from biomap_xr.fitting import (
    STATE,
    UNWATCHED,
    Course,
    Epoch,
    Fitted,
    Step,
    Validation,
    Watching,
    device_of,
    fit,
    seeded,
)
from biomap_xr.run import stopping

COURSE = Course(epochs=6, seed=7, threads=1)


class Line:
    """Learns that y is 2 x, with dropout, so that random numbers matter."""

    stage = "line"

    def __init__(self, scores: list[float] | None = None, width: int = 3) -> None:
        self.network = nn.Sequential(nn.Linear(1, width), nn.Dropout(0.2), nn.Linear(width, 1))
        for parameter in self.network.parameters():
            nn.init.constant_(parameter, 0.1)
        self.scores, self.factor = scores, 1.0
        self.seen: list[float] = []

    def batches(self, generator: np.random.Generator) -> list[np.ndarray]:
        return list(generator.permutation(16).reshape(4, 4))

    def step(self, rows: np.ndarray, generator: np.random.Generator) -> Step:
        x = torch.from_numpy(rows + generator.random(len(rows))).float()[:, None] / 16
        loss = self.factor * (self.network(x) - 2 * x).square().mean()
        return Step(loss, len(rows), torch.tensor(1))

    def validate(self) -> Validation | None:
        self.seen.append(float(self.network[0].weight.detach().sum()))
        if self.scores is None:
            return None
        score = self.scores[len(self.seen) - 1]
        return Validation(score, score)


@dataclass(frozen=True)
class Kind:
    """How a line is fitted."""

    optimiser: type[torch.optim.Optimizer] = torch.optim.AdamW
    rates: str = "none"
    scored: bool = True
    fresh: bool = False

    def fit(self, lesson: Line, course: Course = COURSE, watching=UNWATCHED, data="d") -> Fitted:
        optimiser = self.optimiser(lesson.network.parameters(), lr=0.1)
        schedule = None
        if self.rates == "plateau":
            schedule = ReduceLROnPlateau(optimiser, factor=0.5, patience=0)
        if self.rates == "falling":
            schedule = LambdaLR(optimiser, lambda step: 1 - step / 24)
        with seeded(course.seed, torch.device("cpu")):
            course = replace(course, fresh=self.fresh, clip=0.5)
            return fit(lesson, course, optimiser, schedule, data=lambda: data, watching=watching)


PLAIN = Kind()
KINDS = [
    PLAIN,
    Kind(fresh=True),
    Kind(torch.optim.SGD, "plateau"),
    Kind(torch.optim.RAdam, "falling", scored=False),
]
SCORES = [1.0, 2.0, 0.5, 0.7, 0.8, 0.9]


class StopError(Exception):
    pass


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch) -> None:
    # Epochs of these lines are shorter than the writing of a checkpoint.
    monkeypatch.setattr(fitting, "WORTH", 0)


def stop_after(number: int):
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise StopError

    return progress


def same(one: nn.Module, other: nn.Module) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def told(fitted: Fitted) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in fitted.history]


def test_a_fit_learns_and_tells_its_course() -> None:
    heard: list[Epoch] = []
    fitted = PLAIN.fit(Line(), watching=Watching(heard.append))
    assert list(fitted.history) == heard
    assert [epoch.epoch for epoch in heard] == [1, 2, 3, 4, 5, 6]
    assert heard[-1].loss < heard[0].loss / 2
    # One right guess in each batch of four.
    assert (heard[0].validation_loss, heard[0].accuracy) == (None, 0.25)
    assert (fitted.best_epoch, fitted.lowest) == (6, None)
    assert (heard[0].learning_rate, heard[0].epochs, heard[0].stage) == (0.1, 6, "line")


def test_the_best_epoch_is_kept_and_patience_ends_a_fit() -> None:
    lesson = Line([3.0, 1.0, 2.0, 1.5, 0.0])
    fitted = PLAIN.fit(lesson, replace(COURSE, patience=2))
    assert (len(fitted.history), fitted.best_epoch, fitted.lowest) == (4, 2, 1.0)
    assert float(lesson.network[0].weight.detach().sum()) == lesson.seen[1]
    assert not lesson.network.training


def test_a_gain_that_is_too_small_is_none() -> None:
    course = replace(COURSE, epochs=3, min_gain=0.1)
    assert PLAIN.fit(Line([1.0, 0.95, 0.91]), course).best_epoch == 1
    assert PLAIN.fit(Line([1.0, 0.95, 0.89]), course).best_epoch == 3


def test_the_first_epoch_counts_and_one_that_is_no_number_never_does_again() -> None:
    course = replace(COURSE, epochs=3)
    assert PLAIN.fit(Line([float("inf"), 9.0, float("nan")]), course).best_epoch == 2
    assert PLAIN.fit(Line([float("nan"), 9.0, 9.5]), course).best_epoch == 2


def test_rates_fall_by_batch_or_on_a_plateau() -> None:
    by_batch = Kind(rates="falling").fit(Line())
    assert [epoch.learning_rate for epoch in by_batch.history] == pytest.approx(
        [0.1 * (1 - step / 24) for step in range(0, 24, 4)]
    )
    plateau = Kind(rates="plateau").fit(Line([1.0, 2.0, 2.0, 0.5, 0.6, 0.7]))
    rates = [epoch.learning_rate for epoch in plateau.history]
    assert rates == [0.1, 0.1, 0.05, 0.025, 0.025, 0.0125]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop", [1, 4])
def test_an_interrupted_fit_ends_with_the_same_bits(kind: Kind, stop: int, tmp_path: Path) -> None:
    scores = SCORES if kind.scored else None
    whole = Line(scores)
    expected = kind.fit(whole)
    folder = tmp_path / "fit"
    with pytest.raises(StopError):
        kind.fit(Line(scores), watching=Watching(stop_after(stop), folder))
    resumed = Line(scores and scores[stop:])
    fitted = kind.fit(resumed, watching=Watching(checkpoint=folder))
    assert len(resumed.seen) == 6 - stop
    assert told(fitted) == told(expected)
    assert (fitted.best_epoch, fitted.lowest) == (expected.best_epoch, expected.lowest)
    assert same(whole.network, resumed.network)


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "fit"
    code = (
        "import os, signal, test_fitting as t\n"
        "t.fitting.WORTH = 0\n"
        "def kill(epoch):\n"
        "    if epoch.epoch == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"t.PLAIN.fit(t.Line(t.SCORES), watching=t.Watching(kill, t.Path({str(folder)!r})))\n"
    )
    paths = [str(Path(__file__).parent), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    whole, resumed = Line(SCORES), Line(SCORES[3:])
    PLAIN.fit(whole)
    PLAIN.fit(resumed, watching=Watching(checkpoint=folder))
    assert len(resumed.seen) == 3
    assert same(whole.network, resumed.network)


def test_a_stop_ends_a_fit_at_once_and_keeps_the_last_whole_epoch(tmp_path: Path) -> None:
    class Stopped(Line):
        def step(self, rows: np.ndarray, generator: np.random.Generator) -> Step:
            # In the second batch of the third epoch.
            if len(self.seen) == 2 and asked.count("step") == 9:
                signal.raise_signal(signal.SIGTERM)
            asked.append("step")
            return super().step(rows, generator)

    asked: list[str] = []
    watching = Watching(checkpoint=tmp_path / "fit")
    with stopping.listening(), pytest.raises(StoppedError):
        PLAIN.fit(Stopped(SCORES), watching=watching)
    assert len(asked) == 10
    whole, resumed = Line(SCORES), Line(SCORES[2:])
    PLAIN.fit(whole)
    PLAIN.fit(resumed, watching=watching)
    assert len(resumed.seen) == 4
    assert same(whole.network, resumed.network)


def test_a_finished_fit_is_not_done_again(tmp_path: Path) -> None:
    first, again = Line(SCORES), Line([])
    watching = Watching(checkpoint=tmp_path / "fit")
    fitted = PLAIN.fit(first, watching=watching)
    assert told(PLAIN.fit(again, watching=watching)) == told(fitted)
    assert again.seen == []
    assert same(first.network, again.network)
    watching.forget()
    assert not (tmp_path / "fit").exists()


@pytest.mark.parametrize("change", ["data", "seed", "threads", "patience", "start", "device"])
def test_a_checkpoint_of_another_fit_is_not_taken_up(
    change: str, tmp_path: Path, monkeypatch
) -> None:
    watching = Watching(checkpoint=tmp_path / "fit")
    PLAIN.fit(Line(SCORES), watching=watching)
    other, course = Line(SCORES), COURSE
    if change in ("seed", "threads", "patience"):
        course = replace(COURSE, **{change: 2 if change == "threads" else 9})
    if change == "start":
        nn.init.constant_(other.network[0].weight, 0.2)
    if change == "device":
        # There is no second one here: the name of a processor's is another.
        monkeypatch.setattr(fitting, "_place", lambda network: torch.device("cpu", 0))
    PLAIN.fit(other, course, watching, data="other" if change == "data" else "d")
    assert len(other.seen) == 6


def test_writing_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "WORTH", 1000)
    times: list[int] = []

    def hear(epoch: Epoch) -> None:
        times.append((tmp_path / "fit" / STATE).stat().st_mtime_ns)

    PLAIN.fit(Line(SCORES), watching=Watching(hear, tmp_path / "fit"))
    assert len(times) == 6
    assert len(set(times)) == 1


def test_a_damaged_checkpoint_costs_only_time(tmp_path: Path) -> None:
    watching = Watching(checkpoint=tmp_path / "fit")
    PLAIN.fit(Line(SCORES), watching=watching)
    (tmp_path / "fit" / STATE).write_bytes(b"")
    again = Line(SCORES)
    PLAIN.fit(again, watching=watching)
    assert len(again.seen) == 6


def test_seeds_differ() -> None:
    losses = {PLAIN.fit(Line(), replace(COURSE, seed=seed)).history[-1].loss for seed in range(3)}
    assert len(losses) == 3


def test_a_loss_that_is_no_number_is_refused() -> None:
    lesson = Line()
    lesson.factor = float("nan")
    with pytest.raises(
        InputError, match=r"line: the loss is nan in epoch 1.*learning rate \(0.1\)"
    ):
        PLAIN.fit(lesson)


def test_the_process_is_left_as_it_was() -> None:
    lesson = Line()
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    PLAIN.fit(lesson, replace(COURSE, threads=threads + 1))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_a_small_network_has_one_thread_and_a_large_one_all(monkeypatch) -> None:
    monkeypatch.setattr(fitting, "usable_cpus", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        free = replace(COURSE, threads=None, epochs=1)
        assert PLAIN.fit(Line(), free).threads == 1
        assert PLAIN.fit(Line(), replace(free, threads=2)).threads == 2
        # Two products of 4 rows: 16 operations for each unit.
        assert PLAIN.fit(Line(width=fitting.SMALL // 16 + 1), free).threads == 2
    finally:
        torch.set_num_threads(before)


def test_counting_operations_changes_no_weight() -> None:
    counted, given = Line(), Line()
    PLAIN.fit(counted, replace(COURSE, threads=None))
    PLAIN.fit(given, replace(COURSE, threads=1))
    assert same(counted.network, given.network)


def test_a_device_that_is_not_there_is_refused() -> None:
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(InputError, match=rf"device '{missing}': this process sees \d+ GPUs"):
        device_of(missing)
    with pytest.raises(InputError, match=r"device 'gpu' is none.*expected cpu, cuda or cuda:1"):
        device_of("gpu")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_interrupted_fit_on_a_gpu_ends_with_the_same_bits(
    precision: str, tmp_path: Path
) -> None:
    class OnGpu(Line):
        def __init__(self, scores: list[float]) -> None:
            super().__init__(scores)
            self.network.to("cuda")

        def step(self, rows: np.ndarray, generator: np.random.Generator) -> Step:
            x = torch.from_numpy(rows).float()[:, None].to("cuda") / 16
            return Step((self.network(x) - 2 * x).square().mean(), len(rows))

    course = replace(COURSE, precision=precision)
    whole, resumed = OnGpu(SCORES), OnGpu(SCORES[2:])
    PLAIN.fit(whole, course)
    with pytest.raises(StopError):
        PLAIN.fit(OnGpu(SCORES), course, Watching(stop_after(2), tmp_path / "fit"))
    PLAIN.fit(resumed, course, Watching(checkpoint=tmp_path / "fit"))
    assert same(whole.network, resumed.network)
