"""Peak memory of a worker on full tiles of 500 x 500 cells, by species and by tiles.

Runs the tile program of a real run, which writes ``species.zarr`` and ``indicators.zarr``, each
case in a fresh process. The model has random weights in the widths of the recipes (Sentinel-2
64-128-256-512, series 64-64); nothing else is reduced. The limit is what must be there at once: the
embeddings of all cells, one shard of levels, and the sums of the indicators. The baseline is the
tile's cube of probabilities in memory, once, which a program that does not go block by block needs.

    python benchmarks/tile_memory.py --species 600 2500 11255 --tiles 1 2 4
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
import synthetic

from biomap_xr.species.cube import SHARD

LIMIT = 8 * harness.GIB
"""What a worker may take."""


def main() -> None:
    """Measure one case here, or every case in a child of its own."""
    parser = harness.arguments(
        __doc__, species=(600, 2500, 11255), tiles=(1, 2, 4), cells=500, block=128
    )
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    if options.part == "covariates":
        harness.publish(write_covariates(options), as_json=True)
    elif options.part == "case":
        harness.publish(run_case(options), as_json=True)
    else:
        harness.publish(run_all(options), as_json=options.json)


def run_all(options: argparse.Namespace) -> dict[str, Any]:
    """Run every number of species on one tile, and the fewest species on several tiles."""
    pairs = [(count, options.tiles[0]) for count in options.species]
    pairs += [(options.species[0], count) for count in options.tiles[1:]]
    with tempfile.TemporaryDirectory() as folder:
        common = ["--workspace", folder, "--cells", str(options.cells)]
        common += ["--threads", str(options.threads), "--block", str(options.block)]
        tiles = ["--tiles", str(max(options.tiles))]
        harness.in_child(__file__, [*common, *tiles, "--part", "covariates"])
        cases = []
        for species, count in pairs:
            case = ["--species", str(species), "--tiles", str(count), "--part", "case"]
            result = harness.in_child(__file__, [*common, *case])
            cases.append({name: value for name, value in result.items() if name != "machine"})
    within = all(case["peak_gib"] * harness.GIB <= LIMIT for case in cases)
    return {"cases": cases, "limit_gib": LIMIT / harness.GIB, "within_limit": within}


def write_covariates(options: argparse.Namespace) -> dict[str, Any]:
    """Write the cube once for all cases."""
    side = 1 if options.tiles[0] == 1 else 2
    grid = synthetic.square(side, options.cells)
    synthetic.make_covariates(options.workspace / "covariates.zarr", grid)
    return {"tiles": side**2}


def run_case(options: argparse.Namespace) -> dict[str, Any]:
    """Run the program on so many tiles in this process."""
    species, count = options.species[0], options.tiles[0]
    store = options.workspace / "covariates.zarr"
    covariates = synthetic.reopen(store, options.cells)
    model = synthetic.make_model(species, synthetic.Widths())
    with tempfile.TemporaryDirectory(dir=options.workspace) as folder:
        program = synthetic.make_program(Path(folder), covariates, model, options.block)
        widths = model.widths
        del model
        before = harness.peak_memory()
        wall, processor = time.perf_counter(), time.process_time()
        outcomes = [program(tile) for tile in list(covariates.grid.tiles())[:count]]
        seconds = harness.Seconds(time.perf_counter() - wall, time.process_time() - processor)
    cells = sum(int(outcome.statistics["cells"]) for outcome in outcomes)
    return {
        "species": species,
        "block": options.block,
        "tiles": count,
        "cells": cells,
        "peak_gib": _gib(harness.peak_memory()),
        "before_gib": _gib(before),
        "needed_gib": _gib(needed(options.cells**2, widths)),
        "whole_cube_gib": _gib(4 * species * options.cells**2),
        "stored_bytes": sum(shard.size for outcome in outcomes for shard in outcome.shards),
        "expected_presences_per_cell": _per_cell(outcomes, cells),
        "seconds": seconds,
        "cells_per_cpu_second": round(cells / seconds.processor),
    }


def needed(cells: int, widths: dict[str, int]) -> int:
    """Return the bytes that cannot be avoided: embeddings, a shard of levels, the sums.

    Climate is embedded per pixel of 1 km and hardly counts. The sums are three float64 and one
    int32 for each of six indicators, and one float64 for each of six statuses.
    """
    embeddings = 4 * cells * (widths["sentinel2"] + widths["landsat"])
    return embeddings + SHARD * cells + cells * 6 * (4 * 8 + 4)


def _per_cell(outcomes: list[Any], cells: int) -> float:
    return round(sum(float(one.statistics["richness"]) for one in outcomes) / cells, 2)


def _gib(size: float) -> float:
    return round(size / harness.GIB, 3)


if __name__ == "__main__":
    main()
