"""What begins before any work: processor seconds of commands that find nothing to do, of workers.

Each command is a process of its own and found everything done; a recipe that was not run yet is run
first, which does not count. A worker is counted from its birth: empty, and after it has unpickled
the program of a map. Targets: 0.5 s for help, 1.5 s for status, 5 s for a second run.

    python benchmarks/startup.py --recipe recipes/demo.yaml --workspace runs/demo
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from statistics import median

import harness

IMPORTS = ("biomap_xr", "biomap_xr.recipe", "biomap_xr.cubes.store", "biomap_xr.indicators.assess")
"""What a notebook or a script imports first."""
PROGRAMS = ("biomap_xr.programs.species", "biomap_xr.programs.by_environment")

WORKER = """
import importlib, sys, time
from biomap_xr.cluster import LocalProfile, open_session
profile = LocalProfile(kind="local", processes=1, dashboard=None)
with open_session(profile) as session:
    session.client.run(lambda name: bool(importlib.import_module(name)), sys.argv[1])
    print(*session.client.run(time.process_time).values())
"""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, recipe="recipes/demo.yaml", workspace="runs/demo", rounds=3)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    place = (options.recipe, "--workspace", options.workspace)
    subprocess.run(_biomap("run", *place), check=True, stdout=subprocess.DEVNULL)
    commands = {
        "help": _biomap("--help"),
        "status": _biomap("status", *place),
        "second_run": _biomap("run", *place),
        **{f"import {name}": [sys.executable, "-c", f"import {name}"] for name in IMPORTS},
    }
    found = {name: _rounds(lambda c=c: _command(c), options.rounds) for name, c in commands.items()}
    found["worker"] = _rounds(_worker, options.rounds)
    for program in PROGRAMS:
        found[f"worker with {program}"] = _rounds(lambda p=program: _worker(p), options.rounds)
    harness.publish({"processor_s": found}, as_json=options.json)


def _biomap(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "biomap_xr", *arguments]


def _rounds(call: Callable[[], float], rounds: int) -> dict[str, float]:
    """Return the median, smallest and largest of some rounds, after one that does not count."""
    times = [call() for _ in range(rounds + 1)][1:]
    return {
        "median": round(median(times), 2),
        "min": round(min(times), 2),
        "max": round(max(times), 2),
    }


def _command(command: list[str]) -> float:
    """Return the processor seconds of a process and of all that it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _worker(module: str = "sys") -> float:
    """Return the processor seconds of a new worker's process once it has imported a module."""
    # A process of its own, since workers load the main script of the one that starts them.
    command = [sys.executable, "-c", WORKER, module]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
