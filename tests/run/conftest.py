"""The toy program can be imported by the processes that the tests start, and kill."""

import multiprocessing
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# One server imports everything once; the drivers that the tests kill are its forks.
multiprocessing.set_forkserver_preload(["biomap_xr.cluster", "biomap_xr.grid", "biomap_xr.run"])


@pytest.fixture
def start_process():
    """Start a function in a process of its own; whatever still runs at the end is killed."""
    context = multiprocessing.get_context("forkserver")
    started = []

    def start(function, *arguments):
        process = context.Process(target=function, args=arguments)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join(20)
