import os
import time

import pytest
from distributed import Client, KilledWorker, LocalCluster

from biomap_xr.cluster.sessions import DaskSession, Ended, SerialSession


@pytest.fixture(scope="module")
def threads():
    """A scheduler and a worker within this process: quick, and enough for what is asked here."""
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(params=["serial", "dask"])
def session(request: pytest.FixtureRequest):
    if request.param == "serial":
        return SerialSession()
    return DaskSession(request.getfixturevalue("threads"))


def collect(session, number: int) -> dict[str, Ended]:
    ended: dict[str, Ended] = {}
    deadline = time.monotonic() + 20
    while len(ended) < number and time.monotonic() < deadline:
        ended |= {each.name: each for each in session.wait(0.2)}
    return ended


def test_values_and_errors_come_back_under_their_names(session) -> None:
    session.start(lambda x, y: x // y)
    session.submit("half", 6, 2)
    session.submit("wrong", 1, 0)
    ended = collect(session, 2)
    assert (ended["half"].fate, ended["half"].value) == ("finished", 3)
    assert ended["wrong"].fate == "failed"
    assert isinstance(ended["wrong"].error, ZeroDivisionError)


def test_waiting_for_nothing_returns(session) -> None:
    session.start(int)
    assert session.wait(0.01) == ()


def test_what_is_abandoned_is_not_heard_of(session) -> None:
    session.start(int)
    session.submit("a", "1")
    session.abandon()
    assert session.wait(0.3) == ()


def test_a_new_function_takes_the_place_of_the_old_one(session) -> None:
    for factor in (2, 3):
        session.start(lambda x, factor=factor: x * factor)
        session.submit(f"by {factor}", 5)
        assert collect(session, 1)[f"by {factor}"].value == 5 * factor


def test_numbers_of_workers(threads: Client) -> None:
    session = DaskSession(threads)
    assert (session.workers, session.slots, session.threads) == (1, 2, 2)
    serial = SerialSession("cuda")
    assert (serial.workers, serial.slots, serial.threads, serial.device) == (1, 1, 1, "cuda")


def test_the_function_is_unpacked_once_a_worker_and_not_once_a_task(threads: Client) -> None:
    class Heavy:
        def __reduce__(self):
            os.environ["BIOMAP_TEST_PACKED"] = str(int(os.environ.get("BIOMAP_TEST_PACKED", 0)) + 1)
            return (str, ("light",))

    session = DaskSession(threads)
    heavy = Heavy()
    session.start(lambda _, heavy=heavy: heavy)
    for name in "abcdef":
        session.submit(name, name)
    assert {each.value for each in collect(session, 6).values()} == {"light"}
    assert os.environ.pop("BIOMAP_TEST_PACKED") == "1"
    session.close()


def test_an_interrupt_is_not_taken_for_a_failed_tile() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    session = SerialSession()
    session.start(interrupted)
    session.submit("a")
    with pytest.raises(KeyboardInterrupt):
        session.wait(0)


def test_a_resource_that_no_worker_has_keeps_a_task_waiting(threads: Client) -> None:
    session = DaskSession(threads, device="cuda", resources={"GPU": 1})
    session.start(int)
    session.submit("a", "1")
    assert session.wait(0.3) == ()
    session.close()


def test_a_task_blamed_for_dead_workers_is_told_from_one_that_failed(threads: Client) -> None:
    class Worker:
        address = "tcp://127.0.0.1:1"

    def blamed() -> None:
        raise KilledWorker("a", Worker(), 5)

    session = DaskSession(threads)
    session.start(blamed)
    session.submit("a")
    assert collect(session, 1)["a"].fate == "killed"
    session.close()
