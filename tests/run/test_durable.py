import os
from pathlib import Path

import pytest

from biomap_xr.run.durable import publish

pytestmark = pytest.mark.trust


def test_publish_makes_the_folder_and_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    publish(path, "long old content")
    publish(path, "new")
    assert path.read_text() == "new"
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]


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
