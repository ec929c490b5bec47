import contextlib
import logging
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import dask
import pytest
import torch
from distributed import LocalCluster
from pydantic import TypeAdapter

from biomap_xr.cluster import opening
from biomap_xr.cluster.opening import (
    InsecureAddressWarning,
    check_machines,
    open_session,
    processes_of,
)
from biomap_xr.cluster.profiles import (
    AddressProfile,
    Certificates,
    LocalCudaProfile,
    LocalProfile,
    SerialProfile,
)
from biomap_xr.errors import InputError

ONE = LocalProfile(kind="local", processes=1, memory_limit="1GiB", dashboard=None)


def ask(session, function):
    session.start(function)
    session.submit("question")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for ended in session.wait(0.5):
            assert ended.fate == "finished", ended.error
            return ended.value
    pytest.fail("no answer within 30 s")


@pytest.fixture(scope="module")
def local():
    with open_session(
        LocalProfile(kind="local", processes=1, threads=1, kernel_threads=3, memory_limit="1GiB")
    ) as session:
        yield session


def test_a_serial_session_is_this_process() -> None:
    with open_session(SerialProfile(kind="serial")) as session:
        assert ask(session, os.getpid) == os.getpid()
        assert not session.isolated


def test_local_workers_are_other_processes_of_the_profiles_size(local) -> None:
    assert ask(local, os.getpid) != os.getpid()
    assert (local.workers, local.slots, local.threads, local.device) == (1, 1, 1, "cpu")
    assert local.isolated
    (worker,) = local.client.scheduler_info()["workers"].values()
    assert worker["memory_limit"] == 2**30


def test_the_workers_environment_is_set_before_they_start(local) -> None:
    def environment():
        return dict(os.environ)

    found = ask(local, environment)
    assert found["OMP_NUM_THREADS"] == found["MKL_NUM_THREADS"] == found["GDAL_NUM_THREADS"] == "3"
    assert found["MALLOC_TRIM_THRESHOLD_"] == str(128 << 20)


def test_the_linear_algebra_of_a_worker_obeys(local) -> None:
    def threads():
        import numpy  # noqa: F401, PLC0415
        import threadpoolctl  # noqa: PLC0415

        return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

    # OpenBLAS goes no higher than the CPUs there are.
    assert ask(local, threads) == {min(3, os.cpu_count() or 1)}


def test_workers_leave_ctrl_c_to_the_driver(local) -> None:
    def handler():
        import signal  # noqa: PLC0415

        return signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    assert ask(local, handler)


def test_dask_is_set_for_long_tiles_while_the_cluster_is_open(local) -> None:
    def settings():
        import dask  # noqa: PLC0415

        return dask.config.get("distributed.scheduler.worker-ttl")

    assert ask(local, settings) == "30 minutes"
    assert dask.config.get("distributed.scheduler.allowed-failures") == 5
    scheduler = local.client.cluster.scheduler
    assert (scheduler.allowed_failures, scheduler.no_workers_timeout) == (5, 600)


def test_the_dashboard_is_on_this_machine_only(local) -> None:
    assert local.client.dashboard_link.startswith("http://127.0.0.1:")


def test_this_process_keeps_its_own_environment_meanwhile(local) -> None:
    assert os.environ.get("NUMBA_NUM_THREADS") != "3"


def test_this_process_gets_its_environment_and_settings_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    with opening._restored(opening.worker_environment(2)):
        os.environ.update(opening.worker_environment(2))
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ


def test_a_secure_cluster_without_a_dashboard_talks_tls_only_and_wants_no_fixed_port() -> None:
    profile = LocalProfile(
        kind="local", processes=1, memory_limit="1GiB", secure=True, dashboard=None
    )
    with socket.socket() as taken:
        # The scheduler would warn of a port of its choice that another run has.
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
        with open_session(profile) as session:
            address = session.client.scheduler.address
            assert address.startswith("tls://127.0.0.1:")
            assert ask(session, os.getpid) != os.getpid()
            scheduler = session.client.cluster.scheduler
            assert scheduler.http_server.port != 8787
            page = f"http://127.0.0.1:{scheduler.http_server.port}/status"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(page)


def test_a_missing_gpu_is_an_error_that_names_the_local_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pynvml = pytest.importorskip("pynvml")

    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    with (
        pytest.raises(InputError, match=r"no NVIDIA GPU.*cluster/local\.yaml") as refusal,
        open_session(LocalCudaProfile(kind="local-cuda")),
    ):
        pass
    assert refusal.value.status == 3
    with pytest.raises(InputError, match="no NVIDIA GPU"):
        check_machines(LocalCudaProfile(kind="local-cuda"))


def test_a_driver_without_devices_is_a_missing_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    with (
        pytest.raises(InputError, match=r"0 NVIDIA GPUs.*cluster/local\.yaml"),
        open_session(LocalCudaProfile(kind="local-cuda")),
    ):
        pass


def test_a_gpu_index_beyond_the_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pynvml = pytest.importorskip("pynvml")
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    with (
        pytest.raises(InputError, match=r"\[2\].*0 to 1"),
        open_session(LocalCudaProfile(kind="local-cuda", devices=(0, 2))),
    ):
        pass


def test_a_missing_dask_cuda_is_an_error_that_names_the_extra_and_the_local_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dask_cuda", None)
    with (
        pytest.raises(InputError, match=r"dask-cuda.*biomap-xr\[cuda\].*cluster/local\.yaml"),
        open_session(LocalCudaProfile(kind="local-cuda")),
    ):
        pass


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def test_an_address_where_nobody_answers_is_named() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    profile = AddressProfile(kind="address", address=address, patience=0.5)
    with (
        pytest.raises(InputError, match=f"no scheduler answers at {address}"),
        open_session(profile),
    ):
        pass


def test_too_few_workers_are_an_error_with_both_numbers(local) -> None:
    address = local.client.scheduler.address
    profile = AddressProfile(kind="address", address=address, patience=0.5, workers=3)
    with pytest.raises(InputError, match=r"3 workers.*1/3"), open_session(profile):
        pass


def test_an_error_within_the_context_is_not_taken_for_a_missing_scheduler(local) -> None:
    address = local.client.scheduler.address
    profile = AddressProfile(kind="address", address=address)
    with pytest.raises(OSError, match="mine"), open_session(profile):
        raise OSError("mine")


def test_tls_without_certificates_is_refused() -> None:
    profile = AddressProfile(kind="address", address="tls://127.0.0.1:1")
    with pytest.raises(InputError, match="certificates"), open_session(profile):
        pass


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    files = Certificates(
        authority=tmp_path / "ca.pem", certificate=tmp_path / "c.pem", key=tmp_path / "k"
    )
    profile = AddressProfile(kind="address", address="tls://127.0.0.1:1", certificates=files)
    with pytest.raises(InputError, match=r"ca\.pem"), open_session(profile):
        pass


@pytest.mark.parametrize("address", ["tcp://10.0.0.5:8786", "tcp://0.0.0.0:1", "ucx://node:1"])
def test_an_open_address_is_warned_of(address: str) -> None:
    with pytest.warns(InsecureAddressWarning, match=address):
        opening.warn_if_exposed(address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://[::1]:1", "tls://10.0.0.5:1"]
)
def test_a_closed_address_is_not(address: str) -> None:
    opening.warn_if_exposed(address)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"processes": 5}, 5),
        ({}, 8),
        ({"threads": 2}, 4),
        ({"kernel_threads": 4}, 2),
        ({"kernel_threads": 16}, 1),
        ({"memory_limit": "3GB"}, 3),
        ({"memory_limit": "100GB"}, 1),
    ],
    ids=str,
)
def test_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, profile: dict[str, object], expected: int
) -> None:
    monkeypatch.setattr(opening, "usable_cpus", lambda: 8)
    monkeypatch.setattr(opening, "MEMORY_LIMIT", 10_000_000_000)
    adapter = TypeAdapter(LocalProfile)
    assert processes_of(adapter.validate_python({"kind": "local", **profile})) == expected


def has_gpu() -> bool:
    pynvml = pytest.importorskip("pynvml")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    return pynvml.nvmlDeviceGetCount() > 0


@pytest.mark.gpu
def test_a_gpu_worker_sees_its_gpu() -> None:
    if not has_gpu():
        pytest.skip("this machine has no NVIDIA GPU")
    with open_session(LocalCudaProfile(kind="local-cuda", devices=(0,))) as session:
        assert session.device == "cuda"

        def name():
            return torch.ones(1, device="cuda").device.type

        assert ask(session, name) == "cuda"


def test_a_silent_address_is_told_before_any_work():
    profile = AddressProfile(kind="address", address="tcp://127.0.0.1:1", patience=2)
    with pytest.raises(InputError, match=r"no scheduler answers at tcp://127\.0\.0\.1:1"):
        check_machines(profile)


def test_the_nanny_speaks_as_before_once_a_cluster_is_closed() -> None:
    nanny = logging.getLogger("distributed.nanny")
    level = nanny.level
    profile = LocalProfile(kind="local", processes=1, memory_limit="1GiB")
    with open_session(profile):
        assert nanny.level < logging.ERROR
    assert nanny.level == level


def test_an_error_of_the_run_survives_the_closing_of_workers_that_are_busy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = tmp_path / "begun"

    def busy() -> None:
        begun.touch()
        # It keeps the interpreter's lock, so its worker hears of nothing.
        sum(range(10**12))

    def run() -> None:
        with open_session(ONE) as session:
            session.start(busy)
            session.submit("a")
            while not begun.exists():
                session.wait(0.1)
            raise InputError(f"the real one, at {time.monotonic()}")

    with pytest.raises(InputError, match="the real one") as error:
        run()
    assert time.monotonic() - float(str(error.value).split()[-1]) < 10
    assert "TimeoutError" not in caplog.text + "".join(capfd.readouterr())


def test_a_cluster_that_cannot_be_closed_does_not_hide_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(cluster: object, timeout: float | None = None) -> None:
        raise TimeoutError("the closing")

    close, clusters = LocalCluster.close, []

    def run() -> None:
        with open_session(ONE) as session:
            clusters.append(session.client.cluster)
            monkeypatch.setattr(LocalCluster, "close", refuse)
            raise InputError("the real one")

    with pytest.raises(InputError, match="the real one"):
        run()
    close(clusters[0])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    "profile",
    [
        SerialProfile(kind="serial", device="cuda"),
        LocalProfile(kind="local", device="cuda"),
        AddressProfile(kind="address", address="tcp://127.0.0.1:1", training_device="cuda"),
    ],
    ids=lambda profile: profile.kind,
)
def test_cuda_is_refused_before_any_work_where_there_is_none(
    profile: SerialProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_require_listener", lambda profile: None)
    with pytest.raises(InputError, match=rf"the {profile.kind} profile says cuda, but Torch 2"):
        check_machines(profile)


def test_a_driver_without_a_gpu_may_use_workers_that_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "_require_listener", lambda profile: None)
    profile = AddressProfile(kind="address", address="tcp://127.0.0.1:1", device="cuda")
    check_machines(profile)
    assert (profile.device, profile.training_device) == ("cuda", "cpu")


def test_every_kind_says_what_it_computes_on() -> None:
    assert LocalCudaProfile(kind="local-cuda").device == "cuda"
    assert LocalCudaProfile(kind="local-cuda").training_device == "cuda"
    for device in ("cpu", "cuda"):
        for profile in (
            SerialProfile(kind="serial", device=device),
            LocalProfile(kind="local", device=device),
        ):
            assert (profile.device, profile.training_device) == (device, device)
