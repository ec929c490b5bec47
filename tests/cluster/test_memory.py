import os
import subprocess
import sys

import pytest

from biomap_xr.cluster.memory import (
    KEPT,
    LARGEST,
    allocator_environment,
    keep_freed_memory,
    release_freed_memory,
)

MEASURE = """
import ctypes, resource, sys
from biomap_xr.cluster.memory import keep_freed_memory
if sys.argv[1] == "set":
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 16 << 20
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    place = libc.malloc(size)
    ctypes.memset(place, 1, size)
    libc.free(place)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
GROWN = """
import ctypes
from biomap_xr.cluster.memory import keep_freed_memory, release_freed_memory
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20
assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size, before = 16 << 20, resident()
places = [libc.malloc(size) for _ in range(20)]
for place in places:
    ctypes.memset(place, 1, size)
# In use behind them: the heap has no free end that could be cut.
behind = libc.malloc(1 << 20)
for place in places:
    libc.free(place)
kept = resident() - before
assert release_freed_memory()
print(kept, resident() - before)
"""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")


def faults(how: str, **environment: str) -> int:
    """Count the pages that twenty arrays of 16 MiB, one after the other, were given."""
    found = subprocess.run(
        [sys.executable, "-c", MEASURE, how],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(found.stdout)


@linux
def test_freed_arrays_are_used_again() -> None:
    returned = faults("as it is", MALLOC_TRIM_THRESHOLD_="65536")
    assert faults("set") < returned / 5
    assert faults("as it is", **allocator_environment()) < returned / 5


@linux
def test_this_process_takes_the_limits() -> None:
    assert keep_freed_memory()


@linux
def test_what_lies_between_arrays_in_use_goes_back_when_told() -> None:
    found = subprocess.run(
        [sys.executable, "-c", GROWN], capture_output=True, text=True, check=True
    )
    kept, left = map(int, found.stdout.split())
    assert kept > 300
    assert left < 32


def test_no_limits_where_the_library_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
    assert not release_freed_memory()


def test_glibc_takes_the_size_of_the_largest_array() -> None:
    assert LARGEST <= 4 << 20 << 3 <= KEPT
