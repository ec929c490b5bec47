import os
import threading
from pathlib import Path

import pytest

from biomap_xr.errors import InputError
from biomap_xr.run.marks import Marks

TILE = "25kmE4000N2800"


def test_a_mark_names_its_process_until_the_tile_ends(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "begun")
    assert marks.of(TILE) is None
    mark = marks.begin(TILE, 2)
    assert (mark.pid, mark.attempt) == (os.getpid(), 2)
    assert marks.of(TILE) == mark
    marks.end(TILE)
    marks.end(TILE)
    assert marks.all() == ()


def test_a_note_is_added(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.annotate(marks.begin(TILE, 1).model_copy(update={"note": "too slow"}))
    found = marks.of(TILE)
    assert found is not None
    assert found.note == "too slow"


def test_a_torn_mark_still_says_that_the_tile_began(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    (tmp_path / f"{TILE}.json").write_text('{"ti')
    (mark,) = marks.all()
    assert mark.tile == TILE


def test_a_new_run_refuses_while_a_worker_of_the_old_one_writes(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    with marks.working():
        marks.begin(TILE, 1)
        with pytest.raises(InputError, match=f"{TILE} .process {os.getpid()} on "):
            marks.settle(patience=0.1)
        assert marks.of(TILE) is not None
    assert [mark.tile for mark in marks.settle(patience=0)] == [TILE]


def test_a_new_run_waits_for_a_worker_that_ends_in_time(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with marks.working():
            inside.set()
            leave.wait(20)

    worker = threading.Thread(target=work)
    worker.start()
    assert inside.wait(20)
    threading.Timer(0.2, leave.set).start()
    assert marks.settle(patience=20) == ()
    worker.join()


def test_workers_do_not_wait_for_each_other(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    with marks.working(), marks.working():
        pass
