import os
import threading
import time
from pathlib import Path

import pytest

from biomap_xr.run import watchdog
from biomap_xr.run.marks import Marks


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    monkeypatch.setattr(os, "_exit", seen.append)
    return seen


def test_a_tile_in_time_is_left_in_peace(tmp_path: Path, exits: list[int]) -> None:
    marks = Marks(tmp_path)
    with watchdog.watched(marks, marks.begin("a", 1), 0.2):
        pass
    time.sleep(0.3)
    assert exits == []


def test_a_tile_out_of_time_ends_the_process_and_says_where_it_stood(
    tmp_path: Path, exits: list[int]
) -> None:
    marks = Marks(tmp_path)
    with watchdog.watched(marks, marks.begin("a", 1), 0.05):
        threading.Event().wait(0.5)
    assert exits == [watchdog.EXIT_STATUS]
    mark = marks.of("a")
    assert mark is not None
    assert mark.note.startswith("still running after 0.05 s")
    assert "test_watchdog" in mark.note


def test_no_timeout_watches_nothing(tmp_path: Path) -> None:
    before = threading.active_count()
    marks = Marks(tmp_path)
    with watchdog.watched(marks, marks.begin("a", 1), None):
        assert threading.active_count() == before
