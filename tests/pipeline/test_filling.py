from dataclasses import dataclass, field

import pytest
from tiny_run import SERIAL

from biomap_xr.errors import CorruptError, InputError, SetAsideError
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Failure, FillSettings, Outcome
from biomap_xr.run.plan import Plan

EXTENT = Extent(x_min=0, y_min=0, x_max=2000, y_max=1000)
TILES = tuple(Grid.from_settings(GridSettings(tile=1000, resolution=50, extent=EXTENT)).tiles())


@dataclass(frozen=True)
class Count:
    """A program that counts its calls, and fails where it is told to."""

    error: Exception | None = None
    fingerprint: str = "1"
    name: str = "count"
    calls: list[str] = field(default_factory=list)

    def __call__(self, tile):
        self.calls.append(tile.name)
        if self.error is not None and tile == TILES[1]:
            raise self.error
        return Outcome((), {"cells": 1.0})


@pytest.fixture
def filling(tmp_path):
    with Workers(SERIAL) as workers:
        yield Filling(Workspace(tmp_path), workers, FillSettings(retries=1))


def test_every_tile_is_filled_once_and_the_plan_is_kept(filling):
    program = Count()
    summary = filling.complete(program, TILES)
    assert summary.done == tuple(tile.name for tile in TILES)
    assert Plan.read(filling.workspace.plan("count")) == Plan(2, "1")
    assert filling.complete(program, TILES).skipped == summary.done
    assert len(program.calls) == 2


def test_a_finished_program_needs_no_workers(filling, tmp_path):
    filling.run(Count(), TILES)
    nobody = Filling(Workspace(tmp_path), None, FillSettings())
    assert len(nobody.run(Count(), TILES).skipped) == 2


def test_failures_of_finished_tiles_and_of_former_programs_are_forgotten(filling):
    filling.run(Count(), TILES)
    failures = filling.workspace.ledger("count").failures
    told = {"program": "count", "root": "", "attempts": 2, "error": "OSError: no answer"}
    failures.add(Failure(tile=TILES[0].name, fingerprint="1", **told))
    failures.add(Failure(tile="tile of the sea", fingerprint="0", **told))
    filling.run(Count(), TILES)
    assert failures.all() == ()


def test_another_fingerprint_is_another_plan(filling):
    filling.run(Count(), TILES)
    assert len(filling.run(Count(fingerprint="2"), TILES).done) == 2
    assert Plan.read(filling.workspace.plan("count")) == Plan(2, "2")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputError("band 7 is missing"), InputError),
        (CorruptError("a shard is torn"), CorruptError),
        (OSError("no answer"), SetAsideError),
        (ZeroDivisionError("by zero"), SetAsideError),
    ],
    ids=str,
)
def test_a_tile_that_a_later_stage_needs_ends_the_run_with_its_reason(filling, error, kind):
    with pytest.raises(kind, match=f"count: 1 tiles were set aside, first {TILES[1].name}") as said:
        filling.complete(Count(error), TILES)
    assert type(said.value) is kind
    assert str(error) in str(said.value)
    assert "run the recipe again" in str(said.value)


def test_maps_go_on_without_a_tile_that_fails(filling):
    program = Count(InputError("band 7 is missing"))
    summary = filling.run(program, TILES)
    assert summary.status == 4
    assert [each.tile for each in summary.failed] == [TILES[1].name]
    assert program.calls.count(TILES[1].name) == 2
