import os
from pathlib import Path

import pytest

from biomap_xr.run.durable import publish, sweep


def test_publish_makes_the_folder_and_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    publish(path, "long old content")
    publish(path, "new")
    assert path.read_text() == "new"
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]


def test_the_content_is_forced_to_disk_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        order.append("folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file")
        fsync(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    publish(tmp_path / "b.json", "{}")
    assert order == ["file", "rename", "folder"]


def test_a_write_that_fails_leaves_the_old_content_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "b.json", "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        publish(tmp_path / "b.json", "new")
    assert (tmp_path / "b.json").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["b.json"]


def test_sweep_removes_temporary_files_alone(tmp_path: Path) -> None:
    publish(tmp_path / "b.json", "{}")
    (tmp_path / ".b.json.12.partial").write_text("{")
    (tmp_path / "mine.partial").write_text("not ours")
    assert sweep(tmp_path) == (tmp_path / ".b.json.12.partial",)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.json", "mine.partial"]
