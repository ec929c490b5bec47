from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.checkpoint import Epoch
from biomap_xr.habitats.plantbert.settings import StageSettings
from biomap_xr.habitats.plantbert.stage import (
    Run,
    Step,
    Validation,
    make_optimiser,
    rate_at,
    run_stage,
    threads,
)

SETTINGS = StageSettings(epochs=6, learning_rate=0.1, warm_up=0.2)


class Line:
    """Learns that y is 2 x, with dropout, so that random numbers matter."""

    stage = "line"
    steps = 4

    def __init__(self, scores: list[float] | None = None) -> None:
        self.network = nn.Sequential(nn.Linear(1, 3), nn.Dropout(0.2), nn.Linear(3, 1))
        for parameter in self.network.parameters():
            nn.init.constant_(parameter, 0.1)
        self.scores = scores
        self.factor = 1.0
        self.seen: list[float] = []

    def batches(self, generator: np.random.Generator) -> list[np.ndarray]:
        return list(generator.permutation(16).reshape(4, 4))

    def step(self, rows: np.ndarray, generator: np.random.Generator) -> Step:
        x = torch.from_numpy(rows).float()[:, None] / 16
        loss = self.factor * (self.network(x) - 2 * x).square().mean()
        return Step(loss, 0, len(rows))

    def validate(self) -> Validation | None:
        self.seen.append(float(self.network[0].weight.detach().sum()))
        if self.scores is None:
            return None
        score = self.scores[len(self.seen) - 1]
        return Validation(-score, 0.5, score)


class StopError(Exception):
    pass


def stop_after(number: int):
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise StopError

    return progress


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [rate_at(step, 20, 0.25) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5] == 1
    assert np.diff(rates[5:]) == pytest.approx(-1 / 15)
    assert rates[-1] == pytest.approx(1 / 15)


def test_matrices_decay_and_biases_do_not() -> None:
    groups = make_optimiser(Line().network, StageSettings(weight_decay=0.3)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    assert [{p.ndim for p in group["params"]} for group in groups] == [{2}, {1}]


def test_a_stage_learns_and_tells_its_course() -> None:
    told: list[Epoch] = []
    history = run_stage(Line(), SETTINGS, Run(0, "f", progress=told.append))
    assert list(history) == told
    assert [epoch.epoch for epoch in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1].loss < told[0].loss / 2
    assert told[0].validation_loss is None


def test_the_best_epoch_is_kept_and_patience_ends_a_stage() -> None:
    lesson = Line(scores=[1.0, 3.0, 2.0, 2.5, 9.0])
    history = run_stage(lesson, SETTINGS, Run(0, "f", patience=2))
    assert len(history) == 4
    assert float(lesson.network[0].weight.detach().sum()) == lesson.seen[1]


@pytest.mark.parametrize("stop", [1, 4])
def test_an_interrupted_stage_ends_with_the_same_bits(stop: int, tmp_path: Path) -> None:
    whole = Line(scores=[1.0, 2.0, 4.0, 3.0, 2.0, 1.0])
    expected = run_stage(whole, SETTINGS, Run(7, "f"))
    folder = tmp_path / "line"
    with pytest.raises(StopError):
        run_stage(Line(scores=whole.scores), SETTINGS, Run(7, "f", folder, stop_after(stop)))
    resumed = Line(scores=(whole.scores or [])[stop:])
    history = run_stage(resumed, SETTINGS, Run(7, "f", folder))
    assert len(resumed.seen) == 6 - stop
    plain = {"seconds"}
    assert [e.model_dump(exclude=plain) for e in history] == [
        e.model_dump(exclude=plain) for e in expected
    ]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])


def test_a_checkpoint_of_other_data_is_not_taken_up(tmp_path: Path) -> None:
    run_stage(Line(), SETTINGS, Run(0, "one", tmp_path / "line"))
    done = Line()
    run_stage(done, SETTINGS, Run(0, "one", tmp_path / "line"))
    assert done.seen == []
    other = Line()
    run_stage(other, SETTINGS, Run(0, "two", tmp_path / "line"))
    assert len(other.seen) == 6


def test_seeds_differ() -> None:
    losses = {run_stage(Line(), SETTINGS, Run(seed, "f"))[-1].loss for seed in range(3)}
    assert len(losses) == 3


def test_a_loss_that_is_no_number_is_refused() -> None:
    lesson = Line()
    lesson.factor = float("nan")
    with pytest.raises(InputError, match=r"the loss is nan in epoch 1.*learning rate \(0.1\)"):
        run_stage(lesson, SETTINGS, Run(0, "f"))


def test_threads_are_fixed_for_a_while() -> None:
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
