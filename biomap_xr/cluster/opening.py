"""From a profile to workers: a cluster that lives as long as a context."""

import ipaddress
import logging
import os
import signal
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import dask
from dask.utils import parse_bytes
from distributed import Client, LocalCluster
from distributed.security import Security
from distributed.system import MEMORY_LIMIT

from biomap_xr.cluster.asking import answered, quietly
from biomap_xr.cluster.cpus import usable_cpus
from biomap_xr.cluster.memory import allocator_environment
from biomap_xr.cluster.profiles import (
    AddressProfile,
    LocalCudaProfile,
    LocalProfile,
    Profile,
    SerialProfile,
)
from biomap_xr.cluster.sessions import (
    ANSWER,
    FAREWELL,
    DaskSession,
    IgnoreInterrupt,
    SerialSession,
    Session,
)
from biomap_xr.errors import InputError
from biomap_xr.threads import PASSIVE

LOCAL_PROFILE = "cluster/local.yaml"
# What a closing cluster says of itself: its work is done, or the run says what went wrong.
CLOSING = ("distributed", "tornado.application", "asyncio")
START = 300.0
"""Seconds to wait for worker processes on this machine, whatever else it does."""


class InsecureAddressWarning(UserWarning):
    """Whoever reaches the scheduler can run code on the workers."""


def check_machines(profile: Profile) -> None:
    """Make sure that the machines of a profile are there, without starting anything.

    Raises:
        InputError: A GPU, a Torch that can use it, or dask-cuda is missing, or nobody listens at
            the scheduler's address.

    >>> check_machines(SerialProfile(kind="serial"))
    """
    if isinstance(profile, LocalCudaProfile):
        _cuda_cluster_class(profile)
    if isinstance(profile, AddressProfile):
        _require_listener(profile)
    if profile.training_device == "cuda":
        _require_cuda(profile)


def _require_cuda(profile: Profile) -> None:
    """Ask Torch itself: a machine with a GPU may have a build for CPUs alone.

    Raises:
        InputError: It cannot use a GPU.
    """
    # Torch takes seconds to load, and this room has no other use for it.
    import torch  # noqa: PLC0415

    if not torch.cuda.is_available():
        raise InputError(
            f"the {profile.kind} profile says cuda, but Torch {torch.__version__} finds no GPU "
            "that it can use on this machine; expected at least one: check nvidia-smi and that "
            f"Torch is a build for CUDA, or use the profile {LOCAL_PROFILE} with device cpu"
        )


def _require_listener(profile: AddressProfile) -> None:
    """Knock at the scheduler's door, long before the first tile needs it.

    Raises:
        InputError: Nobody opens.
    """
    host, _, port = profile.address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=profile.patience).close()
    except OSError as error:
        raise _no_scheduler(profile, error) from error


def _no_scheduler(profile: AddressProfile, error: Exception) -> InputError:
    return InputError(
        f"no scheduler answers at {profile.address} within {profile.patience:g} s ({error}); "
        "expected a running one: start it, correct the address in the profile, "
        f"or use this machine by {LOCAL_PROFILE}"
    )


def open_session(profile: Profile) -> AbstractContextManager[Session]:
    """Start or reach the workers of a profile, for as long as the context lasts.

    Args:
        profile: See `read_profile`.

    Raises:
        InputError: There is no GPU, nobody answers at the address, or a certificate is missing.

    >>> with open_session(SerialProfile(kind="serial")) as session:
    ...     session.workers, session.device
    (1, 'cpu')
    """
    match profile:
        case SerialProfile():
            return _serial(profile)
        case LocalProfile():
            return _local(profile)
        case LocalCudaProfile():
            return _local_cuda(profile)
        case AddressProfile():
            return _address(profile)


@contextmanager
def _serial(profile: SerialProfile) -> Iterator[Session]:
    yield SerialSession(profile.device)


@contextmanager
def _local(profile: LocalProfile) -> Iterator[Session]:
    start = partial(
        LocalCluster,
        n_workers=processes_of(profile),
        threads_per_worker=profile.threads,
        # Threads would share one interpreter, and one death.
        processes=True,
        memory_limit=profile.memory_limit,
        **_dashboard(profile.dashboard),
        security=profile.secure or None,
    )
    with _started(start, profile.kernel_threads) as client:
        yield from _session(DaskSession(client, device=profile.device))


def _dashboard(address: str | None) -> dict[str, Any]:
    # Without an address the scheduler's other pages would all want port 8787: a second run would
    # warn of the first.
    shown = {"dashboard": address is not None}
    return {"dashboard_address": address or "127.0.0.1:0", "scheduler_kwargs": shown}


@contextmanager
def _local_cuda(profile: LocalCudaProfile) -> Iterator[Session]:
    start = partial(
        _cuda_cluster_class(profile),
        CUDA_VISIBLE_DEVICES=None if profile.devices == "all" else list(profile.devices),
        threads_per_worker=1,
        memory_limit=profile.memory_limit,
        **_dashboard(profile.dashboard),
        security=profile.secure or None,
        # A worker is either there for a tile or it is not: two models never meet on one GPU.
        resources={"GPU": 1},
        # Before the first tile, so that no tile's time holds it.
        pre_import="torch",
    )
    with _started(start, profile.kernel_threads) as client:
        yield from _session(DaskSession(client, device=profile.device, resources={"GPU": 1}))


@contextmanager
def _address(profile: AddressProfile) -> Iterator[Session]:
    warn_if_exposed(profile.address)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(scheduler_settings({})))
        client = _reached(profile, stack)
        yield from _session(DaskSession(client, device=profile.device, resources=profile.resources))


def _session(session: DaskSession) -> Iterator[Session]:
    try:
        yield session
    finally:
        session.close()


@contextmanager
def _started(start: Callable[[], Any], kernel_threads: int) -> Iterator[Client]:
    """Start a cluster on this machine, with the workers' environment in place before they exist."""
    environment = worker_environment(kernel_threads)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(scheduler_settings(environment)))
        # A nanny that restarts a worker leaves the worker's variables in this process.
        stack.enter_context(_restored(environment))
        # What is set here goes before the profile in Dask's eyes, so it steps aside for a moment;
        # no longer, since this process trains models with all its threads meanwhile.
        with _restored(environment):
            os.environ.update(environment)
            try:
                cluster = answered(START, start)
            except TimeoutError as error:
                raise InputError(
                    f"the workers of this machine did not start within {START:g} s ({error}); "
                    "expected them sooner: is it out of memory or overloaded? Lower processes in "
                    "the profile"
                ) from error
        stack.callback(_close_cluster, cluster)
        client = Client(cluster, timeout=ANSWER)
        stack.callback(_close_client, client)
        # Ctrl-C reaches the whole process group.
        answered(ANSWER, client.register_plugin, IgnoreInterrupt())
        yield client


def _close_client(client: Client) -> None:
    with _hushed():
        quietly(2 * FAREWELL, client.close, timeout=FAREWELL)


def _close_cluster(cluster: Any) -> None:
    """End our own workers, whatever they do; never in place of an error that is on its way.

    Nothing is lost: what they have finished is on disk, and what they have not is not wanted.
    """
    with _hushed():
        for nanny in list(cluster.workers.values()):
            # It would start the worker anew.
            nanny.close_gracefully()
            if nanny.pid:
                # The worker may have died by itself.
                with suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
        # Else it is tried once more, and waited for, when the interpreter ends.
        cluster.shutdown_on_close = False
        quietly(2 * FAREWELL, cluster.close, timeout=2 * FAREWELL)


@contextmanager
def _hushed() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in CLOSING]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reached(profile: AddressProfile, stack: ExitStack) -> Client:
    """Connect to a scheduler and wait for its workers; the stack closes the connection.

    Raises:
        InputError: Nobody answers, the certificates do not fit, or too few workers come.
    """
    security = _security(profile)
    try:
        client = Client(profile.address, timeout=profile.patience, security=security)
    except OSError as error:
        raise _no_scheduler(profile, error) from error
    stack.callback(_close_client, client)
    try:
        client.wait_for_workers(profile.workers, timeout=profile.patience)
    except TimeoutError as error:
        raise InputError(
            f"the scheduler at {profile.address} has fewer than {profile.workers} workers after "
            f"{profile.patience:g} s ({error}); start workers, or lower the number in the profile"
        ) from error
    return client


def _security(profile: AddressProfile) -> Security | None:
    """Return the certificates of a profile as Dask takes them.

    Raises:
        InputError: One of the files is missing, or the scheduler asks for TLS and none are given.
    """
    files = profile.certificates
    if files is None:
        if profile.address.startswith("tls:"):
            raise InputError(
                f"{profile.address} asks for TLS, but the profile names no certificates; add the "
                "section certificates with authority, certificate and key"
            )
        return None
    for path in (files.authority, files.certificate, files.key):
        if not path.is_file():
            raise InputError(f"certificate file {path} of the profile is missing; give its path")
    return Security(
        tls_ca_file=str(files.authority),
        tls_client_cert=str(files.certificate),
        tls_client_key=str(files.key),
        require_encryption=True,
    )


def _cuda_cluster_class(profile: LocalCudaProfile) -> Any:
    """Return dask-cuda's cluster, once it is sure that the GPUs of the profile are there.

    Raises:
        InputError: dask-cuda is not installed, or this machine has no usable GPU, or fewer.
    """
    advice = f"use the profile {LOCAL_PROFILE} on a machine without a GPU"
    try:
        import pynvml  # noqa: PLC0415 - optional extra
        from dask_cuda import LocalCUDACluster  # noqa: PLC0415 - optional extra
    except ImportError as error:
        raise InputError(
            f"a local-cuda profile needs dask-cuda, which cannot be imported ({error}); "
            f"install biomap-xr[cuda], or {advice}"
        ) from error
    # dask-cuda would fail in one of several ways, some only in the workers.
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        raise InputError(
            f"no NVIDIA GPU can be used on this machine ({error}), but the profile is local-cuda; "
            f"expected at least one: check the driver by nvidia-smi, or {advice}"
        ) from error
    if not count:
        raise InputError(f"this machine has 0 NVIDIA GPUs, expected at least one; {advice}")
    beyond = [] if profile.devices == "all" else [each for each in profile.devices if each >= count]
    if beyond:
        raise InputError(
            f"the profile asks for the GPUs {beyond}, expected indices from 0 to {count - 1}; "
            "correct devices in the profile"
        )
    return LocalCUDACluster


def warn_if_exposed(address: str) -> None:
    """Warn of a scheduler that others can reach without a certificate, and so run code through.

    >>> warn_if_exposed("tcp://127.0.0.1:8786")
    """
    place = urlsplit(address)
    if place.scheme == "tls" or _is_loopback(place.hostname or ""):
        return
    warnings.warn(
        f"{address} is neither encrypted nor on this machine: whoever reaches it can run code on "
        "its workers as you. Use tls:// with certificates, or a network that only you can reach",
        InsecureAddressWarning,
        stacklevel=2,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def processes_of(profile: LocalProfile) -> int:
    """Return the number of worker processes that a profile means on this machine.

    >>> processes_of(LocalProfile(kind="local", processes=3))
    3
    """
    if profile.processes != "auto":
        return profile.processes
    by_cpu = max(usable_cpus() // (profile.threads * profile.kernel_threads), 1)
    if profile.memory_limit == "auto":
        return by_cpu
    return max(min(by_cpu, MEMORY_LIMIT // parse_bytes(profile.memory_limit)), 1)


def scheduler_settings(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return Dask's settings for long tiles, and the environment of workers started under them.

    >>> scheduler_settings({})["distributed.scheduler.allowed-failures"]
    5
    """
    return {
        # The run counts deaths itself; Dask blames whoever waited on the worker.
        "distributed.scheduler.allowed-failures": 5,
        # Without it a run whose workers are all gone waits for ever.
        "distributed.scheduler.no-workers-timeout": "10 minutes",
        # A kernel that holds the interpreter's lock sends no heartbeat, and is not dead.
        "distributed.scheduler.worker-ttl": "30 minutes",
        "distributed.nanny.pre-spawn-environ": dict(environment),
    }


def worker_environment(kernel_threads: int) -> dict[str, str]:
    """Return the variables that must be set before a worker process starts.

    >>> worker_environment(2)["OMP_NUM_THREADS"]
    '2'
    """
    names = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "GDAL_NUM_THREADS",
    )
    threads = dict.fromkeys(names, str(kernel_threads))
    return {**threads, **PASSIVE, **allocator_environment()}


@contextmanager
def _restored(names: Iterable[str]) -> Iterator[None]:
    """Put variables of this process back to what they were before the context."""
    former = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
