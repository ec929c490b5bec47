from pathlib import Path

import torch
from torch import nn

from biomap_xr.habitats.plantbert.checkpoint import (
    Course,
    Epoch,
    read_checkpoint,
    write_checkpoint,
)

EPOCH = Epoch(stage="line", epoch=1, epochs=3, loss=0.5, seconds=1.0)


def trained() -> tuple[nn.Linear, torch.optim.AdamW]:
    network = nn.Linear(2, 1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.ones(4, 2)).sum().backward()
    optimiser.step()
    return network, optimiser


def test_weights_moments_and_course_are_taken_up(tmp_path: Path) -> None:
    network, optimiser = trained()
    course = Course(fingerprint="f", history=(EPOCH,), best_epoch=1, best_score=-0.5)
    best = {"weight": torch.full((1, 2), 7.0)}
    write_checkpoint(tmp_path / "line", course, network, optimiser, best)
    again = nn.Linear(2, 1)
    other = torch.optim.AdamW(again.parameters(), lr=0.1)
    found = read_checkpoint(tmp_path / "line", "f", again, other)
    assert found is not None
    assert found[0] == course
    assert torch.equal(found[1]["weight"], best["weight"])
    assert torch.equal(again.weight, network.weight)
    # By parameter: a file of weights has no order.
    for mine, theirs in zip(again.parameters(), network.parameters(), strict=True):
        kept = optimiser.state[theirs]
        assert all(torch.equal(other.state[mine][name], kept[name]) for name in kept)


def test_no_checkpoint_or_another_or_a_damaged_one_is_none(tmp_path: Path) -> None:
    network, optimiser = trained()
    assert read_checkpoint(tmp_path / "line", "f", network, optimiser) is None
    write_checkpoint(tmp_path / "line", Course(fingerprint="f"), network, optimiser, {})
    assert read_checkpoint(tmp_path / "line", "other", network, optimiser) is None
    assert read_checkpoint(tmp_path / "line", "f", network, optimiser) is not None
    (tmp_path / "line" / "best.safetensors").write_bytes(b"")
    assert read_checkpoint(tmp_path / "line", "f", network, optimiser) is None


def test_a_course_knows_how_long_it_waits() -> None:
    assert Course(fingerprint="f", history=(EPOCH, EPOCH, EPOCH), best_epoch=1).waited == 2
