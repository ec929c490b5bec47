from pathlib import Path

import pytest
from toy_program import Toy, toy_tiles

from biomap_xr.cubes import Shard
from biomap_xr.errors import CorruptError
from biomap_xr.run.attempt import Attempt, WorkerDied, Written
from biomap_xr.run.receipts import Ledger
from biomap_xr.run.task import Outcome

TILE = toy_tiles()[0]


def attempt_at(root: Path, toy: object) -> Attempt:
    return Attempt(toy, Ledger(root / "receipts"), root, None)


def test_a_receipt_follows_the_shards(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, Toy(tmp_path))
    written = attempt(TILE, 2)
    assert isinstance(written, Written)
    assert written.size == 1000
    receipt = attempt.ledger.read(TILE.name)
    assert receipt is not None
    assert (receipt.program, receipt.fingerprint, receipt.attempt) == ("toy", "1", 2)
    assert attempt.ledger.valid(TILE.name, "1", tmp_path, deep=True)
    assert attempt.ledger.marks.all() == ()


def test_a_program_that_raises_leaves_neither_receipt_nor_mark(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, Toy(tmp_path, mischief={TILE.name: "raise"}))
    with pytest.raises(ValueError, match="no luck"):
        attempt(TILE, 1)
    assert attempt.ledger.tiles() == ()
    assert attempt.ledger.marks.all() == ()


def test_a_receipt_of_another_program_is_gone_before_its_shards_are_replaced(
    tmp_path: Path,
) -> None:
    attempt_at(tmp_path, Toy(tmp_path))(TILE, 1)
    other = Toy(tmp_path, fingerprint="2", mischief={TILE.name: "raise"})
    with pytest.raises(ValueError, match="no luck"):
        attempt_at(tmp_path, other)(TILE, 1)
    assert not Ledger(tmp_path / "receipts").valid(TILE.name, "1", tmp_path)


def test_a_mark_of_an_earlier_worker_means_that_it_died(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    attempt = attempt_at(tmp_path, toy)
    mark = attempt.ledger.marks.begin(TILE.name, 1)
    assert attempt(TILE, 1) == WorkerDied(mark)
    assert toy.calls() == []
    assert isinstance(attempt(TILE, 2), Written)


def test_a_worker_that_died_after_its_receipt_had_finished(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, Toy(tmp_path))
    attempt(TILE, 1)
    attempt.ledger.marks.begin(TILE.name, 1)
    assert isinstance(attempt(TILE, 1), Written)
    assert attempt.ledger.marks.all() == ()
    assert Toy(tmp_path).calls() == [TILE.name]


class Liar:
    name = "liar"
    fingerprint = "1"

    def __call__(self, tile: object) -> Outcome:
        return Outcome((Shard("elsewhere/c/0", 10, "ab"),))


def test_shards_that_are_not_there_are_no_result(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, Liar())
    with pytest.raises(CorruptError, match=f"{TILE.name}: elsewhere/c/0 of 10 bytes"):
        attempt(TILE, 1)
    assert attempt.ledger.tiles() == ()


def test_a_tile_of_open_sea_has_a_receipt_without_shards(tmp_path: Path) -> None:
    class Sea:
        name = "sea"
        fingerprint = "1"

        def __call__(self, tile: object) -> Outcome:
            return Outcome()

    attempt = attempt_at(tmp_path, Sea())
    assert isinstance(attempt(TILE, 1), Written)
    assert attempt.ledger.valid(TILE.name, "1", tmp_path)
