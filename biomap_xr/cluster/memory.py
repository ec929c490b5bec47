"""How soon freed memory goes back to the system: neither at once nor never.

Arrays of some megabytes come and go by the thousand in a tile and in a step of training. Left to
itself, and more so as Dask sets it, glibc returns each of them, and the system zeroes the next one.
"""

import ctypes
import sys
from collections.abc import Callable

MIB = 1 << 20
KEPT = 128 * MIB
"""Freed bytes at the end of the heap that stay; those between arrays in use always do, until
`release_freed_memory`."""
LARGEST = 32 * MIB
"""Larger arrays go back at once; glibc takes no higher limit."""

# Of mallopt, in malloc.h.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3


def allocator_environment() -> dict[str, str]:
    """Return the variables that set the limits in a process that is to be started.

    >>> allocator_environment()["MALLOC_TRIM_THRESHOLD_"]
    '134217728'
    """
    return {"MALLOC_TRIM_THRESHOLD_": str(KEPT), "MALLOC_MMAP_THRESHOLD_": str(LARGEST)}


def keep_freed_memory() -> bool:
    """Set the limits in this process, from now on.

    Returns:
        False where the C library knows no such limits: then nothing is changed.
    """
    mallopt = _of_libc("mallopt")
    if mallopt is None:
        return False
    trimmed, mapped = mallopt(_TRIM_THRESHOLD, KEPT), mallopt(_MMAP_THRESHOLD, LARGEST)
    return bool(trimmed and mapped)


def release_freed_memory() -> bool:
    """Return all freed memory of this process to the system, also that between arrays in use.

    Between two tiles it costs little, and a worker does not grow from tile to tile.

    Returns:
        Whether any was returned; False where the C library knows no such call.
    """
    trim = _of_libc("malloc_trim")
    return trim is not None and bool(trim(0))


def _of_libc(name: str) -> Callable[..., int] | None:
    """Return a function of glibc, None on other systems."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
