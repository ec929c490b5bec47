import os
from pathlib import Path

import pytest

from biomap_xr.cluster.cpus import usable_cpus

V2 = "0::/system.slice/slurmstepd.scope/job_7/step_0\n"
V1 = "3:memory:/job_7\n4:cpu,cpuacct:/slurm/job_7\n0::/\n"


def system(root: Path, cgroup: str, **quotas: str) -> Path:
    """Write the files that the kernel would show: groups by their path with ``__`` for ``/``."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, content in quotas.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        names = ("cpu.max",) if "max" in name else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        for each, text in zip(names, content.split("|"), strict=True):
            (path.parent / each).write_text(text + "\n")
    return root


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


@pytest.mark.usefixtures("eight")
class TestQuotas:
    def test_without_any_affinity_counts(self, tmp_path: Path) -> None:
        assert usable_cpus(tmp_path) == 8
        assert usable_cpus(system(tmp_path, V2)) == 8

    def test_version_2_says_max_for_none(self, tmp_path: Path) -> None:
        group = "system.slice__slurmstepd.scope__job_7__step_0__max"
        assert usable_cpus(system(tmp_path, V2, **{group: "max 100000"})) == 8

    @pytest.mark.parametrize(
        "group",
        [
            "system.slice__slurmstepd.scope__job_7__step_0__max",
            "system.slice__slurmstepd.scope__job_7__max",
            "system.slice__max",
            "max",
        ],
    )
    def test_version_2_limits_by_any_group_above(self, tmp_path: Path, group: str) -> None:
        assert usable_cpus(system(tmp_path, V2, **{group: "300000 100000"})) == 3

    @pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
    @pytest.mark.parametrize("group", ["__slurm__job_7", "__slurm", ""])
    def test_version_1_limits_by_any_group_above(
        self, tmp_path: Path, mount: str, group: str
    ) -> None:
        quota = {f"{mount}{group}__cfs": "250000|100000"}
        assert usable_cpus(system(tmp_path, V1, **quota)) == 2

    def test_version_1_says_minus_one_for_none(self, tmp_path: Path) -> None:
        quota = {"cpu,cpuacct__slurm__job_7__cfs": "-1|100000"}
        assert usable_cpus(system(tmp_path, V1, **quota)) == 8

    def test_the_quota_of_another_controller_is_none_of_cpus(self, tmp_path: Path) -> None:
        assert usable_cpus(system(tmp_path, V1, memory__job_7__cfs="100000|100000")) == 8

    def test_a_part_of_a_cpu_is_one_worker(self, tmp_path: Path) -> None:
        assert usable_cpus(system(tmp_path, V2, max="50000 100000")) == 1

    def test_affinity_limits_a_larger_quota(self, tmp_path: Path) -> None:
        assert usable_cpus(system(tmp_path, V2, max="1600000 100000")) == 8


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system knows no affinity")
def test_the_real_affinity_counts() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
