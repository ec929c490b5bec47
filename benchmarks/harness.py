"""What all benchmarks share: the machine they ran on, fair rounds, a child's peak memory, output.

Every contender of a benchmark runs once in each round, in turn, so that a busy machine slows all of
them alike; ratios are taken round by round. Processor time is counted beside wall time, because
other work on the machine lengthens only the latter.
"""

import argparse
import datetime
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import torch
from threadpoolctl import threadpool_limits

PACKAGES = ("biomap-xr", "dask", "numba", "numpy", "torch", "xarray", "zarr", "zarrs")
GIB = 2**30
PRODUCT = (4096, 1152, 256)
"""Rows, inner length and columns of the bare product."""


@dataclass(frozen=True)
class Seconds:
    """Time of one call, or of all calls of a phase."""

    wall: float
    processor: float


class Stopwatch:
    """Adds up the time of named phases; time inside an inner phase counts there alone."""

    def __init__(self) -> None:
        self.phases: dict[str, Seconds] = {}
        self._open: list[str] = []
        self._since = (0.0, 0.0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside towards ``name``."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        """Give the time since the last change to the innermost phase."""
        now = time.perf_counter(), time.process_time()
        if self._open:
            before = self.phases.get(self._open[-1], Seconds(0, 0))
            self.phases[self._open[-1]] = Seconds(
                before.wall + now[0] - self._since[0], before.processor + now[1] - self._since[1]
            )
        self._since = now


@dataclass(frozen=True)
class Rounds:
    """Times of one contender, a round after the other."""

    seconds: tuple[Seconds, ...]

    @property
    def wall(self) -> float:
        """Median wall time in seconds."""
        return median(one.wall for one in self.seconds)

    @property
    def processor(self) -> float:
        """Median processor time in seconds."""
        return median(one.processor for one in self.seconds)

    def ratio(self, other: "Rounds", *, wall: bool = False) -> list[float]:
        """How many times as long the other took: median, smallest and largest of the rounds."""
        kind = "wall" if wall else "processor"
        ratios = [
            getattr(b, kind) / getattr(a, kind)
            for a, b in zip(self.seconds, other.seconds, strict=True)
        ]
        return [round(value, 3) for value in (median(ratios), min(ratios), max(ratios))]

    def described(self) -> dict[str, float]:
        """Medians and the range of processor time, for a report."""
        times = [one.processor for one in self.seconds]
        values = {"wall_s": self.wall, "cpu_s": self.processor}
        values |= {"cpu_min_s": min(times), "cpu_max_s": max(times)}
        return {name: round(value, 6) for name, value in values.items()}


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Rounds]:
    """Run every contender once a round, after one round that does not count.

    Args:
        contenders: What is timed, by name.
        rounds: How many count.

    Returns:
        The times of each.
    """
    times: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, call in contenders.items():
            watch = Stopwatch()
            with watch.phase(name):
                call()
            times[name].append(watch.phases[name])
    return {name: Rounds(tuple(seconds[1:])) for name, seconds in times.items()}


def matrix_product(dtype: torch.dtype = torch.float32) -> Callable[[], object]:
    """Make the limit of all arithmetic: eight bare products in the shape of a convolution's.

    Their operations over their time, as `product_rate` has it, are the rate of the machine.
    """
    rows, inner, columns = PRODUCT
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(rows, inner, generator=generator).to(dtype)
    b = torch.randn(inner, columns, generator=generator).to(dtype)
    out = torch.empty(rows, columns, dtype=dtype)
    return lambda: [torch.mm(a, b, out=out) for _ in range(8)]


def product_rate(seconds: float) -> float:
    """Return the operations a second of `matrix_product` from its time."""
    return 8 * 2 * math.prod(PRODUCT) / seconds


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes.

    Read from the kernel's record of the program that runs: `resource.getrusage` inherits the
    parent's peak across `exec`, and serves only where there is no such record.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_child(script: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a benchmark's own script in a fresh process and return the JSON that it prints."""
    command = [sys.executable, script, *arguments, "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """Describe the machine, the versions and the day, as every result states them."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": models[0] if models else platform.processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / GIB, 1),
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def arguments(description: str | None, **options: Any) -> argparse.ArgumentParser:
    """Make the parser of a benchmark: its options with their defaults, and those of all."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in options.items():
        several = isinstance(default, tuple)
        kind = type(default[0] if several else default)
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=kind, nargs="+" if several else None, default=default)
    parser.add_argument("--threads", type=int, default=1, help="of the arithmetic")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser


def limit_threads(threads: int) -> None:
    """Fix the threads of torch, BLAS, OpenMP and numba, here and in child processes."""
    for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
    threadpool_limits(threads)


def publish(results: Mapping[str, Any], *, as_json: bool) -> None:
    """Print results with the machine: as JSON, or a line each for a person."""
    everything = {"machine": machine(), **results}
    if as_json:
        print(json.dumps(everything, default=_plain))
        return
    for name, value in everything.items():
        print(f"{name}: {json.dumps(value, default=_plain)}")


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into what it knows."""
    if isinstance(value, Rounds):
        return value.described()
    if isinstance(value, Seconds):
        return {"wall_s": round(value.wall, 4), "cpu_s": round(value.processor, 4)}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value)} cannot be written as JSON; turn it into numbers first")
