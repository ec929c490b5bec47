import json
import os
import subprocess
import sys
from collections.abc import Mapping

from biomap_xr.cluster.opening import worker_environment
from biomap_xr.threads import PASSIVE

ASKED = (
    "import biomap_xr, json, os, sys; print(json.dumps([dict(os.environ), 'torch' in sys.modules]))"
)


def imported(environment: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Import the package in a new process: its variables, and whether torch is there by then."""
    command = [sys.executable, "-c", ASKED]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found, torch = json.loads(done.stdout)
    return found, torch


def test_importing_the_package_has_threads_wait_asleep_before_torch_is_loaded() -> None:
    bare = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    found, torch = imported(bare)
    assert not torch
    assert {name: found[name] for name in PASSIVE} == PASSIVE


def test_what_a_user_has_set_stays() -> None:
    found, _ = imported({**os.environ, "OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "7"})
    assert (found["OMP_WAIT_POLICY"], found["GOMP_SPINCOUNT"]) == ("ACTIVE", "7")


def test_workers_wait_asleep() -> None:
    assert PASSIVE.items() <= worker_environment(1).items()
