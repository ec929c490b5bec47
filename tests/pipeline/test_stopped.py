"""Somebody asks a run to stop in the middle of its maps."""

import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from tiny_run import SERIAL_FILE, TINY

from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.stages import STAGES


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_follows_on_maps_that_were_stopped(copied, tiny, number):
    for made in (copied.species, copied.indicators, copied.root / "receipts/maps"):
        shutil.rmtree(made)
    command = [sys.executable, "-m", "biomap_xr", "run", str(TINY), "--cluster", str(SERIAL_FILE)]
    with subprocess.Popen(
        [*command, "--workspace", str(copied.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        heard = []
        while line := process.stderr.readline():
            heard.append(line)
            if re.search("maps: 4 tiles to do", line):
                break
        assert line, "".join(heard)
        start = time.monotonic()
        process.send_signal(number)
        said, told = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert process.returncode == 4
    assert told.endswith("biomap: stopped; run the same command to go on\n")
    assert "finished" not in said + told
    making = Making(tiny, copied, STAGES)
    assert making.stage("maps").state(making).progress != "done"
    again = subprocess.run(
        [*command, "--workspace", str(copied.root)], check=False, capture_output=True, text=True
    )
    assert (again.returncode, "finished" in again.stdout) == (0, True)
