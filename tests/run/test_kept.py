import json
from pathlib import Path

import pytest

from biomap_xr.errors import CorruptError
from biomap_xr.run.folder import CHECKSUMS
from biomap_xr.run.kept import KeptFolder, KeptRecord, kept


class Maker:
    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def __call__(self):
        return self.values.pop(0)


@pytest.fixture(params=["record", "folder"])
def case(request: pytest.FixtureRequest, tmp_path: Path):
    """A shelf, and two values for it."""
    if request.param == "record":
        return KeptRecord(tmp_path / "new" / "counts.json", "data"), {"a": 1}, {"a": 2}
    return KeptFolder(tmp_path / "new" / "fit"), {"w.bin": b"\x00"}, {"w.bin": b"\x01"}


def test_what_was_made_under_the_key_is_not_made_again(case) -> None:
    shelf, first, second = case
    make = Maker(first, second)
    assert (shelf.key, kept(shelf, "1f", make), shelf.key) == ("", first, "1f")
    assert kept(shelf, "1f", make) == first
    assert kept(shelf, "2e", make) == second
    assert (shelf.key, shelf.read(), make.values) == ("2e", second, [])


def test_an_error_in_the_making_leaves_what_was_there(case) -> None:
    shelf, first, _ = case
    shelf.write(first, "1f")

    def fail():
        raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        kept(shelf, "2e", fail)
    assert (shelf.key, shelf.read()) == ("1f", first)


def test_what_is_forgotten_counts_as_not_made(case) -> None:
    shelf, first, second = case
    shelf.write(first, "1f")
    shelf.forget()
    assert shelf.key == ""
    assert kept(shelf, "1f", Maker(second)) == second


def test_an_empty_key_vouches_for_nothing(case) -> None:
    shelf, first, _ = case
    assert kept(shelf, "", Maker(first)) == first


@pytest.mark.parametrize("content", ["", '{"data": "1f"', "[]", "\xff", "null"])
def test_a_record_that_is_not_whole_is_made_anew(tmp_path: Path, content: str) -> None:
    shelf = KeptRecord(tmp_path / "counts.json", "data")
    shelf.path.write_bytes(content.encode("latin-1"))
    assert (shelf.key, shelf.read()) == ("", {})
    assert kept(shelf, "1f", Maker({"a": 1})) == {"a": 1}
    assert json.loads(shelf.path.read_text()) == {"data": "1f", "a": 1}


def test_a_record_holds_only_what_json_can_say(tmp_path: Path) -> None:
    shelf = KeptRecord(tmp_path / "counts.json")
    with pytest.raises(ValueError, match="JSON"):
        shelf.write({"a": float("nan")}, "1f")
    assert shelf.key == ""


def test_a_folder_whose_files_changed_is_corrupt(tmp_path: Path) -> None:
    shelf = KeptFolder(tmp_path / "fit")
    shelf.write({"w.bin": b"1"}, "1f")
    assert sorted(each.name for each in shelf.path.iterdir()) == [
        CHECKSUMS,
        "fingerprint.json",
        "w.bin",
    ]
    (shelf.path / "w.bin").write_bytes(b"2")
    with pytest.raises(CorruptError, match=r"w\.bin"):
        kept(shelf, "1f", Maker())


def test_no_file_hides_the_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hide the key"):
        KeptFolder(tmp_path / "fit").write({"fingerprint.json": b"{}"}, "1f")
