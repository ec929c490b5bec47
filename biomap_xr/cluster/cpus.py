"""How many CPUs this process may use, which a machine's count does not say."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the CPUs that affinity and the quotas of control groups leave to this process.

    Dask's own count looks at a process's innermost group alone; a batch system sets the quota on
    one above it.

    Args:
        root: Of the file system in which the groups are looked up.

    >>> usable_cpus() >= 1
    True
    """
    # Not on every system.
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(int(min([allowed, *_quotas(root)])), 1)


def _quotas(root: Path) -> Iterator[float]:
    """Yield the CPUs that each group above this process grants, in versions 1 and 2."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mounts = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # One hierarchy for all in version 2; version 1 mounts it under the controllers' names, and
        # in a container its root is the container's own group.
        for mount in (mounts / controllers, mounts / "cpu") if controllers else (mounts,):
            inside = PurePosixPath(path.lstrip("/"))
            for group in (mount / inside, *(mount / parent for parent in inside.parents)):
                yield from _quota(group)


def _quota(group: Path) -> Iterator[float]:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = " ".join((group / name).read_text() for name in names).split()
        except OSError:
            continue
        # Without a quota version 2 says "max", version 1 says -1.
        if len(words) == 2 and words[0].isdigit() and int(words[1]):
            yield int(words[0]) / int(words[1])
