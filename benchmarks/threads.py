"""How many steps of training a second one and two threads give, idle and beside busy processes.

Threads that wait for others either spin (what an OpenMP library does by itself for some
milliseconds) or sleep (``OMP_WAIT_POLICY=PASSIVE``, what biomap_xr sets). Each case is a process of
its own, since the policy is read when Torch is loaded; the rounds go through all cases in turn.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import torch
from harness import arguments, in_child, publish
from scipy.sparse import csr_array
from torch.utils.flop_counter import FlopCounterMode

from biomap_xr.fitting import Watching
from biomap_xr.folds.roles import Roles
from biomap_xr.species.branches import centre
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.samples import Samples, SpeciesTable, read
from biomap_xr.species.settings import (
    LatticeSettings,
    ModalitySettings,
    TrainingSettings,
    VectorSettings,
)
from biomap_xr.species.training import train
from biomap_xr.threads import PASSIVE

SPECIES = 640
BATCH = 32
ENCODERS = {
    "vector": {"predictors": ModalitySettings(encoder=VectorSettings())},
    "windows of 64 pixels": {
        "sentinel2": ModalitySettings(encoder=LatticeSettings(widths=(8, 16, 16, 32)))
    },
    "windows of 128 pixels": {
        "sentinel2": ModalitySettings(encoder=LatticeSettings(widths=(16, 32, 32, 64)))
    },
}
POLICIES: dict[str, dict[str, str]] = {"spinning": {}, "passive": PASSIVE}
"""Variables of a process; none are the library's own ways."""
BUSY = 2


def samples_of(network: str, steps: int) -> Samples:
    """Make an epoch of so many steps, and two sites to validate on."""
    generator, sites = np.random.default_rng(0), BATCH * steps + 2
    windows = generator.integers(0, 3000, (sites, 4, 128, 128)).astype(np.uint16)
    side = int(network.split()[2]) if network != "vector" else 0
    inputs: dict[Any, Any] = {"predictors": generator.normal(size=(sites, 20)).astype(np.float32)}
    if side:
        inputs = {"sentinel2": np.ascontiguousarray(centre(windows, side))}
    presence = generator.random((sites, SPECIES)) < 0.05
    return Samples(
        inputs=inputs,
        presence=csr_array(presence.astype(np.uint8)),
        roles=Roles(np.arange(sites - 2), np.arange(sites - 2, sites)),
        species=SpeciesTable(tuple(range(SPECIES)), tuple(map(str, range(SPECIES)))),
    )


def steps_a_second(network: str, threads: int, steps: int, epochs: int) -> dict[str, float]:
    """Train, and return the median over the epochs behind the first."""
    samples, rates = samples_of(network, steps), []
    settings = TrainingSettings(
        epochs=epochs, patience=epochs, batch=BATCH, threads=threads, augment=False
    )
    watching = Watching(lambda epoch: rates.append(steps / epoch.seconds))
    model = train(samples, ENCODERS[network], settings, watching=watching)
    return {"steps_a_second": median(rates[1:]), "operations": operations(model, samples)}


def operations(model: SpeciesModel, samples: Samples) -> float:
    """Count those of a step's forward pass."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(read(samples.inputs, np.arange(BATCH)))
    return counter.get_total_flops()


@contextmanager
def others(number: int) -> Iterator[None]:
    """Keep so many processors busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def main() -> None:
    """Run all cases, or one of them for the parent."""
    parser = arguments(__doc__, steps=20, epochs=4, rounds=2, network="")
    chosen = parser.parse_args()
    if chosen.network:
        one = steps_a_second(chosen.network, chosen.threads, chosen.steps, chosen.epochs)
        print(json.dumps(one))
        return
    found: dict[str, list[float]] = {}
    counted: dict[str, float] = {}
    for _ in range(chosen.rounds):
        for network in ENCODERS:
            for busy in (0, BUSY):
                for policy in POLICIES:
                    for threads in (1, 2):
                        for variable in PASSIVE:
                            os.environ.pop(variable, None)
                        os.environ |= POLICIES[policy]
                        given = ["--network", network, "--threads", str(threads)]
                        given += ["--steps", str(chosen.steps), "--epochs", str(chosen.epochs)]
                        with others(busy):
                            one = in_child(__file__, given)
                        name = f"{network}, {busy} busy processes, {policy}, {threads} threads"
                        found.setdefault(name, []).append(one["steps_a_second"])
                        counted[network] = one["operations"]
    results = {
        name: {"steps_a_second": round(median(rates), 1), "range": [min(rates), max(rates)]}
        for name, rates in found.items()
    }
    publish({"forward operations": counted, **results}, as_json=chosen.json)


if __name__ == "__main__":
    main()
