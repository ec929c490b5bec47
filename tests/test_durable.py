import os
from pathlib import Path

import pytest

from biomap_xr.durable import give_name, publishing, remove, sweep


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was forced to disk and renamed, in this order."""
    seen: list[str] = []
    fsync, replace, rename = os.fsync, Path.replace, Path.rename

    def watched_fsync(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        seen.append(f"-> {target.name}")
        return replace(self, target)

    def watched_rename(self: Path, target: Path) -> Path:
        seen.append(f"-> {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    monkeypatch.setattr(Path, "rename", watched_rename)
    return seen


def test_a_file_is_forced_before_its_name_and_its_folder_after(
    tmp_path: Path, order: list[str]
) -> None:
    with publishing(tmp_path / "b.json") as temporary:
        temporary.write_text("{}")
    assert order == [temporary.name, "-> b.json", tmp_path.name]


def test_so_is_a_folder_with_all_that_is_in_it(tmp_path: Path, order: list[str]) -> None:
    with publishing(tmp_path / "model") as temporary:
        (temporary / "members").mkdir(parents=True)
        (temporary / "members" / "one.bin").write_bytes(b"1")
    assert sorted(order[:3]) == sorted([temporary.name, "members", "one.bin"])
    assert order[3:] == ["-> model", tmp_path.name]
    assert (tmp_path / "model" / "members" / "one.bin").read_bytes() == b"1"


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with publishing(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert [each.name for each in (tmp_path / "model").iterdir()] == ["new"]
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_context_that_raises_leaves_what_was_there_and_no_rubbish(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()

    def fail() -> None:
        with publishing(tmp_path / "model") as temporary:
            (temporary / "half").mkdir(parents=True)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert list(tmp_path.rglob("*")) == [tmp_path / "model"]


def test_a_name_is_given_on_the_same_disk(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    give_name(tmp_path / "one", tmp_path / "two")
    assert [each.name for each in tmp_path.iterdir()] == ["two"]


def test_sweep_removes_temporary_files_and_folders_alone(tmp_path: Path) -> None:
    for name in ("b.json", ".b.json.12.partial", "mine.partial", ".c.34.partial"):
        (tmp_path / name).touch()
    (tmp_path / ".model.56.partial" / "half").mkdir(parents=True)
    assert sweep(tmp_path, "c") == (tmp_path / ".c.34.partial",)
    assert sweep(tmp_path) == (tmp_path / ".b.json.12.partial", tmp_path / ".model.56.partial")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.json", "mine.partial"]


def test_nothing_can_be_removed(tmp_path: Path) -> None:
    remove(tmp_path / "nothing")


def test_a_folder_in_the_place_of_a_file_is_left_alone(tmp_path):
    (tmp_path / "map.txt").mkdir()
    (tmp_path / "map.txt" / "mine").touch()
    with pytest.raises(OSError, match="directory"), publishing(tmp_path / "map.txt") as temporary:
        temporary.write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["map.txt", "mine"]
