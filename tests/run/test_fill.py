import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_program import Toy, drive, drive_cluster, drive_deaf, run_toy, state_of, toy_tiles

from biomap_xr.cluster import AddressProfile, LocalProfile, SerialSession, open_session
from biomap_xr.cluster.sessions import Ended
from biomap_xr.run import stopping
from biomap_xr.run.attempt import WorkerDied
from biomap_xr.run.failpoints import EXIT_STATUS, VARIABLE
from biomap_xr.run.progress import Event
from biomap_xr.run.receipts import Ledger

pytestmark = pytest.mark.trust

NAMES = tuple(tile.name for tile in toy_tiles())
FIRST, SECOND = NAMES[:2]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    root = tmp_path_factory.mktemp("undisturbed")
    assert run_toy(Toy(root)).status == 0
    return state_of(root)


@pytest.fixture(scope="module")
def two_workers():
    with open_session(LocalProfile(kind="local", processes=2, memory_limit="1GiB")) as session:
        yield session


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    log = (folder / "log").open("w")
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker"]
    options = {"cwd": folder, "stdout": log, "stderr": log, "start_new_session": True}
    started = [
        subprocess.Popen([*scheduler, *common, "--host", "127.0.0.1", "--port", "0"], **options),
        subprocess.Popen([*worker, *common, "--nthreads", "1"], **options),
    ]
    until(file.exists)
    yield json.loads(file.read_text())["address"], started
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    log.close()


class TestSerial:
    def test_every_tile_is_done_once(self, tmp_path: Path) -> None:
        toy = Toy(tmp_path)
        summary = run_toy(toy)
        assert (summary.done, summary.skipped, summary.failed) == (NAMES, (), ())
        assert (summary.left, summary.stopped, summary.status) == ((), "", 0)
        assert toy.calls() == list(NAMES)

    def test_a_second_run_finds_everything_done(self, tmp_path: Path) -> None:
        toy = Toy(tmp_path)
        run_toy(toy)
        before = state_of(tmp_path)
        summary = run_toy(toy)
        assert (summary.done, summary.skipped) == ((), NAMES)
        assert len(toy.calls()) == len(NAMES)
        assert state_of(tmp_path) == before

    def test_another_fingerprint_is_computed_again(self, tmp_path: Path) -> None:
        run_toy(Toy(tmp_path))
        before = state_of(tmp_path)
        summary = run_toy(Toy(tmp_path, fingerprint="2"))
        assert summary.done == NAMES
        assert state_of(tmp_path)["shards"] != before["shards"]

    @pytest.mark.parametrize("damage", ["deleted shard", "short shard", "torn receipt"])
    def test_a_damaged_tile_alone_is_computed_again(
        self, tmp_path: Path, undisturbed: dict[str, object], damage: str
    ) -> None:
        run_toy(Toy(tmp_path))
        shard = tmp_path / "shards" / f"{SECOND}.raw"
        receipt = tmp_path / "receipts" / "toy" / f"{SECOND}.json"
        match damage:
            case "deleted shard":
                shard.unlink()
            case "short shard":
                os.truncate(shard, 500)
            case "torn receipt":
                os.truncate(receipt, receipt.stat().st_size // 2)
        summary = run_toy(Toy(tmp_path))
        assert summary.done == (SECOND,)
        assert len(summary.skipped) == len(NAMES) - 1
        assert state_of(tmp_path) == undisturbed

    def test_order_does_not_matter(self, tmp_path: Path, undisturbed: dict[str, object]) -> None:
        tiles = toy_tiles()
        random.Random(1).shuffle(tiles)
        run_toy(Toy(tmp_path), tiles=tiles)
        assert state_of(tmp_path) == undisturbed

    def test_a_tile_that_fails_once_is_tried_again(
        self, tmp_path: Path, undisturbed: dict[str, object]
    ) -> None:
        toy = Toy(tmp_path, mischief={FIRST: "raise once"})
        summary = run_toy(toy)
        assert summary.status == 0
        assert toy.calls().count(FIRST) == 2
        assert state_of(tmp_path) == undisturbed

    def test_a_tile_that_always_fails_is_set_aside_and_the_run_goes_on(
        self, tmp_path: Path
    ) -> None:
        toy = Toy(tmp_path, mischief={SECOND: "raise"})
        summary = run_toy(toy, retries=1)
        assert sorted(summary.done) == sorted(set(NAMES) - {SECOND})
        assert summary.status == 4
        (failure,) = summary.failed
        assert (failure.tile, failure.attempts) == (SECOND, 2)
        assert failure.error == f"ValueError: no luck with {SECOND}"
        assert "in misbehave" in failure.traceback
        assert toy.calls().count(SECOND) == 2
        assert Ledger(tmp_path / "receipts" / "toy").failures.all() == (failure,)

    def test_a_tile_set_aside_is_taken_up_by_the_next_run(
        self, tmp_path: Path, undisturbed: dict[str, object]
    ) -> None:
        run_toy(Toy(tmp_path, mischief={SECOND: "raise"}), retries=0)
        summary = run_toy(Toy(tmp_path))
        assert (summary.done, summary.status) == ((SECOND,), 0)
        assert Ledger(tmp_path / "receipts" / "toy").failures.all() == ()
        assert state_of(tmp_path) == undisturbed

    def test_a_full_disk_stops_the_run_instead_of_setting_all_aside(self, tmp_path: Path) -> None:
        toy = Toy(tmp_path, mischief={SECOND: "full disk"})
        summary = run_toy(toy, window=1)
        assert (summary.done, summary.failed, summary.status) == ((FIRST,), (), 4)
        assert "No space left" in summary.stopped
        assert str(tmp_path) in summary.stopped
        assert set(summary.left) == set(NAMES) - {FIRST}

    def test_listeners_hear_the_whole_story(self, tmp_path: Path) -> None:
        heard: list[Event] = []
        toy = Toy(tmp_path, mischief={FIRST: "raise"})
        run_toy(toy, retries=1, window=1, listener=heard.append)
        assert [event.kind for event in heard] == [
            "began",
            *["retried"],
            *["written"] * 8,
            "set_aside",
            "ended",
        ]
        assert heard[0].tiles == len(NAMES)
        assert heard[2].cells == 25

    def test_no_tiles_is_no_work(self, tmp_path: Path) -> None:
        assert run_toy(Toy(tmp_path), tiles=iter(())).status == 0

    def test_the_window_is_never_exceeded(self, tmp_path: Path) -> None:
        class Counting(SerialSession):
            most = 0

            def submit(self, name: str, *arguments: object) -> None:
                super().submit(name, *arguments)
                Counting.most = max(Counting.most, len(self._waiting))

        run_toy(Toy(tmp_path), Counting(), window=3)
        assert Counting.most == 3


class TestKilledDriver:
    @pytest.mark.parametrize(
        "point",
        [
            "begun",
            "begun:9",
            "before_receipt:3",
            "unpublished:1",
            "unpublished:5",
            "published:2",
            "submitted:1",
            "submitted:4",
            "recorded:1",
            "recorded:9",
        ],
    )
    def test_a_run_killed_at_a_named_point_ends_like_an_undisturbed_one(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object], point: str
    ) -> None:
        driver = start_process(drive, tmp_path, {VARIABLE: point})
        driver.join(30)
        assert driver.exitcode == EXIT_STATUS
        summary = run_toy(Toy(tmp_path))
        assert summary.status == 0
        assert state_of(tmp_path) == undisturbed
        assert not list(tmp_path.rglob("*.partial"))

    def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object]
    ) -> None:
        moments = random.Random(7)
        for _ in range(12):
            driver = start_process(drive, tmp_path, {}, 0.01)
            time.sleep(moments.uniform(0.0, 0.15))
            driver.kill()
            driver.join(30)
        run_toy(Toy(tmp_path))
        assert state_of(tmp_path) == undisturbed

    def test_workers_that_outlive_their_driver_do_no_harm(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object]
    ) -> None:
        toy = Toy(tmp_path)
        driver = start_process(drive_cluster, tmp_path, 0.2)
        until(lambda: len(toy.calls()) >= 3)
        driver.kill()
        driver.join(30)
        assert run_toy(toy).status == 0
        assert state_of(tmp_path) == undisturbed

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_run_asked_to_stop_leaves_a_consistent_state(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object], number: signal.Signals
    ) -> None:
        driver = start_process(drive, tmp_path, {}, 0.1)
        until(lambda: len(Toy(tmp_path).calls()) >= 2)
        os.kill(driver.pid, number)
        driver.join(30)
        assert driver.exitcode == 4
        ledger = Ledger(tmp_path / "receipts" / "toy")
        assert ledger.marks.all() == ()
        assert 2 <= len(ledger.tiles()) < len(NAMES)
        finished = ledger.tiles()
        assert run_toy(Toy(tmp_path)).skipped == finished
        assert state_of(tmp_path) == undisturbed


class TestAskedToStop:
    """The driver has workers whose tiles take far longer than anybody waits."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_run_on_workers_ends_within_ten_seconds_and_goes_on_later(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object], number: signal.Signals
    ) -> None:
        driver = start_process(drive_cluster, tmp_path, 600.0)
        until(lambda: len(Toy(tmp_path).calls()) >= 1)
        worker = int((tmp_path / "calls.txt").read_text().split()[1])
        start = time.monotonic()
        os.kill(driver.pid, number)
        driver.join(30)
        assert time.monotonic() - start < 10
        assert driver.exitcode == 4
        until(lambda: not is_alive(worker), 5)
        assert run_toy(Toy(tmp_path)).done == NAMES
        assert state_of(tmp_path) == undisturbed

    def test_what_does_not_look_at_the_flag_is_ended_all_the_same(
        self, tmp_path: Path, start_process, undisturbed: dict[str, object]
    ) -> None:
        driver = start_process(drive_deaf, tmp_path)
        until(lambda: len(Toy(tmp_path).calls()) >= 1)
        start = time.monotonic()
        os.kill(driver.pid, signal.SIGTERM)
        driver.join(30)
        assert (driver.exitcode, time.monotonic() - start < 10) == (4, True)
        assert run_toy(Toy(tmp_path)).done == NAMES
        assert state_of(tmp_path) == undisturbed

    def test_nothing_begins_once_somebody_asked(self, tmp_path: Path) -> None:
        toy = Toy(tmp_path)
        with stopping.listening():
            signal.raise_signal(signal.SIGTERM)
            summary = run_toy(toy)
        assert (set(summary.left), summary.stopped, summary.status) == (set(NAMES), "SIGTERM", 4)
        assert toy.calls() == []

    def test_a_task_that_looks_at_the_flag_itself_is_left_and_not_set_aside(
        self, tmp_path: Path
    ) -> None:
        toy = Toy(tmp_path, mischief={FIRST: "stopped"})
        with stopping.listening():
            summary = run_toy(toy)
        assert (set(summary.left), summary.failed) == (set(NAMES), ())
        assert summary.stopped == "SIGTERM"
        assert toy.calls() == [FIRST]


class TwoToAProcess(SerialSession):
    """Pretends that two tiles share each process, and that the process dies with the first."""

    threads = 2
    slots = 2
    isolated = True

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self.deaths = deaths
        self.alone: list[int] = []

    def wait(self, seconds: float):
        if not self.deaths:
            return super().wait(seconds)
        self.deaths -= 1
        self.alone.append(len(self._waiting))
        ended = [
            Ended(name, "finished", WorkerDied(Ledger(Path()).marks.begin(tile.name, 1)))
            for name, (tile, _) in self._waiting
        ]
        self._waiting.clear()
        return ended


class TestSharedProcess:
    def test_neighbours_of_a_death_are_not_blamed(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        session = TwoToAProcess(deaths=1)
        summary = run_toy(Toy(tmp_path), session, retries=0)
        assert (sorted(summary.done), summary.failed) == (sorted(NAMES), ())

    def test_only_a_tile_that_had_the_process_for_itself_is(
        self, tmp_path: Path, monkeypatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        session = TwoToAProcess(deaths=2)
        summary = run_toy(Toy(tmp_path), session, retries=0, window=9)
        assert session.alone == [9, 1]
        assert [failure.tile for failure in summary.failed] == [FIRST]
        assert len(summary.done) == 8


class TestWorkers:
    def test_two_workers_agree_with_none(
        self, tmp_path: Path, two_workers, undisturbed: dict[str, object]
    ) -> None:
        toy = Toy(tmp_path)
        summary = run_toy(toy, two_workers)
        assert sorted(summary.done) == sorted(NAMES)
        assert sorted(toy.calls()) == sorted(NAMES)
        assert state_of(tmp_path) == undisturbed
        assert run_toy(toy, two_workers).skipped == NAMES

    def test_a_tile_that_raises_is_set_aside_with_its_traceback(
        self, tmp_path: Path, two_workers
    ) -> None:
        summary = run_toy(Toy(tmp_path, mischief={SECOND: "raise"}), two_workers, retries=1)
        (failure,) = summary.failed
        assert (failure.tile, failure.attempts) == (SECOND, 2)
        assert "in misbehave" in failure.traceback

    def test_a_worker_that_is_killed_costs_its_tile_only(
        self, tmp_path: Path, two_workers, undisturbed: dict[str, object]
    ) -> None:
        toy = Toy(tmp_path, mischief={SECOND: "poison once"})
        summary = run_toy(toy, two_workers)
        assert (sorted(summary.done), summary.status) == (sorted(NAMES), 0)
        assert toy.calls().count(SECOND) == 2
        assert len(toy.calls()) == len(NAMES) + 1
        assert state_of(tmp_path) == undisturbed

    def test_the_tile_that_kills_its_workers_is_named_and_no_other(
        self, tmp_path: Path, two_workers
    ) -> None:
        toy = Toy(tmp_path, mischief={SECOND: "poison"})
        summary = run_toy(toy, two_workers, retries=1)
        assert sorted(summary.done) == sorted(set(NAMES) - {SECOND})
        (failure,) = summary.failed
        assert (failure.tile, failure.attempts) == (SECOND, 2)
        assert "died while it ran" in failure.error
        assert toy.calls().count(SECOND) == 2
        assert summary.status == 4

    def test_a_tile_that_hangs_is_ended_and_tried_again(
        self, tmp_path: Path, two_workers, undisturbed: dict[str, object]
    ) -> None:
        heard: list[Event] = []
        toy = Toy(tmp_path, mischief={SECOND: "hang once"})
        summary = run_toy(toy, two_workers, tile_timeout=1.0, listener=heard.append)
        assert summary.status == 0
        assert state_of(tmp_path) == undisturbed
        (retried,) = (event for event in heard if event.kind == "retried")
        assert "still running after 1 s" in retried.note
        assert "misbehave" in retried.note


class TestSchedulerElsewhere:
    """Scheduler and workers as separate processes, the driver as a third one."""

    def test_it_agrees_with_none_and_is_lost_when_its_scheduler_dies(
        self, tmp_path: Path, address, undisturbed: dict[str, object]
    ) -> None:
        place, processes = address
        profile = AddressProfile(kind="address", address=place, patience=30)
        with open_session(profile) as session:
            assert (session.workers, session.slots, session.device) == (1, 1, "cpu")
            assert run_toy(Toy(tmp_path), session).done == NAMES
            assert state_of(tmp_path) == undisturbed
            slow = Toy(tmp_path, fingerprint="2", seconds=0.2)

            # Do not try to reach the dead scheduler for half a minute.
            session.client._timeout = 1

            def end_scheduler(event: Event) -> None:
                if event.kind == "written":
                    processes[0].kill()

            summary = run_toy(slow, session, listener=end_scheduler)
        assert summary.stopped.startswith("the cluster is gone")
        assert summary.status == 4
        assert summary.failed == ()
        assert set(summary.left) == set(NAMES) - set(summary.done)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
