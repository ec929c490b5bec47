import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.cubes import Shard, digest_of
from biomap_xr.run.receipts import Ledger, Receipt

TILE = "25kmE4000N2800"


def receipt_of(tile: str = TILE, **changes: object) -> Receipt:
    return Receipt(
        **{
            "program": "toy",
            "tile": tile,
            "fingerprint": "1",
            "seconds": 0.5,
            "attempt": 1,
            **changes,
        }
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "receipts")


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    (tmp_path / "c").write_bytes(b"12345678")
    return Shard("c", 8, digest_of(tmp_path / "c"))


def test_a_tile_without_receipt_is_not_valid(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.read(TILE) is None
    assert not ledger.valid(TILE, "1", tmp_path)
    assert ledger.tiles() == ()


def test_what_is_written_is_read(ledger: Ledger, shard: Shard) -> None:
    written = receipt_of(shards=(shard,), statistics={"mean": 2.5, "counts": [1.0, 2.0]})
    ledger.write(written)
    assert ledger.read(TILE) == written
    assert list(ledger.receipts()) == [written]


def test_another_fingerprint_is_not_valid(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write(receipt_of())
    assert ledger.valid(TILE, "1", tmp_path)
    assert not ledger.valid(TILE, "2", tmp_path)


@pytest.mark.parametrize("damage", ["delete", "truncate", "empty"])
def test_a_missing_or_short_shard_is_not_valid(
    ledger: Ledger, shard: Shard, tmp_path: Path, damage: str
) -> None:
    ledger.write(receipt_of(shards=(shard,)))
    assert ledger.valid(TILE, "1", tmp_path)
    {
        "delete": lambda: (tmp_path / "c").unlink(),
        "truncate": lambda: (tmp_path / "c").write_bytes(b"1234"),
        "empty": lambda: (tmp_path / "c").write_bytes(b""),
    }[damage]()
    assert not ledger.valid(TILE, "1", tmp_path)


def test_a_flipped_byte_is_seen_by_a_deep_look_only(
    ledger: Ledger, shard: Shard, tmp_path: Path
) -> None:
    ledger.write(receipt_of(shards=(shard,)))
    (tmp_path / "c").write_bytes(b"12345679")
    assert ledger.valid(TILE, "1", tmp_path)
    assert not ledger.valid(TILE, "1", tmp_path, deep=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"program": "toy"}', b'{"version": 2}'],
    ids=str,
)
def test_a_torn_receipt_counts_as_absent_and_is_reported(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    ledger.write(receipt_of())
    path = tmp_path / "receipts" / f"{TILE}.json"
    path.write_bytes(content)
    assert not ledger.valid(TILE, "1", tmp_path)
    assert ledger.torn() == (path,)
    assert str(path) in caplog.text


@given(st.integers(0, 400))
def test_every_cut_of_a_receipt_is_torn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("receipts"))
    content = receipt_of(shards=(Shard("c", 8, "ab" * 32),)).model_dump_json()
    path = ledger.folder / f"{TILE}.json"
    path.write_text(content[: cut % len(content)])
    assert ledger.read(TILE) is None


def test_a_receipt_under_another_tiles_name_counts_as_absent(ledger: Ledger) -> None:
    ledger.write(receipt_of())
    path = ledger.folder / f"{TILE}.json"
    path.rename(ledger.folder / "25kmE4025N2800.json")
    assert ledger.read("25kmE4025N2800") is None


@given(st.dictionaries(st.text(max_size=5), st.floats() | st.lists(st.floats(), max_size=3)))
def test_all_numbers_survive(statistics: dict[str, float | list[float]]) -> None:
    again = Receipt.model_validate_json(receipt_of(statistics=statistics).model_dump_json())
    assert repr(again.statistics) == repr(statistics)


def test_not_a_number_stays_not_a_number(ledger: Ledger) -> None:
    ledger.write(receipt_of(statistics={"mean": math.nan}))
    found = ledger.read(TILE)
    assert found is not None
    assert math.isnan(found.statistics["mean"])


def test_settling_removes_marks_and_temporary_files(ledger: Ledger) -> None:
    ledger.write(receipt_of())
    mark = ledger.marks.begin(TILE, 1)
    (ledger.folder / ".25kmE4000N2800.json.0.partial").write_text("{")
    assert ledger.settle(patience=0) == (mark,)
    assert ledger.marks.all() == ()
    assert not list(ledger.folder.glob("*.partial"))
    assert ledger.tiles() == (TILE,)
