import logging
import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from toy_program import hold

from biomap_xr.errors import InputError
from biomap_xr.run.lock import WorkspaceLock, owner_of

pytestmark = pytest.mark.trust


@pytest.fixture
def other(tmp_path: Path, start_process):
    here, there = multiprocessing.Pipe()
    process = start_process(hold, tmp_path, there)
    assert here.poll(30)
    assert here.recv() == process.pid
    return process


def test_a_second_writer_is_refused_and_the_owner_named(
    tmp_path: Path, other: multiprocessing.Process
) -> None:
    with (
        pytest.raises(InputError, match=f"process {other.pid} on ") as refusal,
        WorkspaceLock(tmp_path),
    ):
        pass
    assert refusal.value.status == 3
    owner = owner_of(tmp_path)
    assert owner is not None
    assert owner.pid == other.pid


def test_the_lock_of_a_dead_process_is_taken_over(
    tmp_path: Path, other: multiprocessing.Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other.kill()
    other.join()
    assert f'"pid":{other.pid}' in (tmp_path / ".biomap.lock").read_text()
    assert owner_of(tmp_path) is None
    with WorkspaceLock(tmp_path):
        owner = owner_of(tmp_path)
        assert owner is not None
        assert owner.pid == os.getpid()
    assert f"process {other.pid}" in caplog.text


def test_the_same_process_cannot_take_it_twice_but_one_after_the_other(tmp_path: Path) -> None:
    for _ in range(2):
        with (
            WorkspaceLock(tmp_path),
            pytest.raises(InputError, match="in use"),
            WorkspaceLock(tmp_path),
        ):
            pass
    assert owner_of(tmp_path) is None


def test_a_garbled_owner_record_does_not_hinder(tmp_path: Path) -> None:
    (tmp_path / ".biomap.lock").write_bytes(b"\x00{")
    with WorkspaceLock(tmp_path) as lock:
        assert owner_of(tmp_path) == lock.owner


def test_asking_for_the_owner_does_not_hinder_a_run_from_starting(tmp_path: Path) -> None:
    with WorkspaceLock(tmp_path):
        pass
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            owner_of(tmp_path)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(50):
        with WorkspaceLock(tmp_path):
            pass
    end.set()
    asking.join()


def test_nobody_owns_a_folder_that_never_was_a_workspace(tmp_path: Path) -> None:
    assert owner_of(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
