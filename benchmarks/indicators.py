"""Indicator sums block by block against the naive cube, and `assess` on a stored cube.

The baseline holds the probabilities of all species of the cells at once and applies the equations
of paper 1 to the members of each indicator with NumPy, as they are written down. The limits are the
bare products of the sums (probability, variance, logarithm and presence times members and statuses)
without any elementwise work, and one pass that only reads the probabilities. Memory is that of a
fresh process for each way.

    python benchmarks/indicators.py --species 2000 --cells 20000
"""

import argparse
import tempfile
from collections.abc import Iterator
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pandas as pd
import synthetic
import torch
from numpy.typing import NDArray

from biomap_xr.cubes import declare, open_cube, write_block
from biomap_xr.indicators import assess
from biomap_xr.indicators.sums import Sums
from biomap_xr.species.cube import SHARD, quantise, species_cube

BLOCK = 64
"""Species at a time, as the tile program has them."""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, species=2000, cells=20_000, rounds=3, stored_cells=250)
    parser.add_argument("--part", default="", choices=("", "blocks", "naive"))
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    if options.part:
        harness.publish(memory(options), as_json=True)
        return
    results = {"sums": compare(options), "memory": memories(options), "assess": stored(options)}
    harness.publish(results, as_json=options.json)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Time all ways in turn on the same probabilities."""
    assemblage = synthetic.make_assemblage(options.species)
    blocks = list(draw(options.species, options.cells))
    whole = np.concatenate(blocks)
    rounds = harness.interleave(
        {
            "blocks": lambda: by_blocks(blocks, assemblage),
            "naive": lambda: naive(whole, assemblage),
            "products": lambda: products(blocks, assemblage),
            "read": lambda: [block.max() for block in blocks],
        },
        options.rounds,
    )
    found, expected = by_blocks(blocks, assemblage), naive(whole, assemblage)
    numbers = options.species * options.cells
    return {
        "nanoseconds_per_probability": {
            name: round(one.processor / numbers * 1e9, 2) for name, one in rounds.items()
        },
        "speed_up": rounds["blocks"].ratio(rounds["naive"]),
        "time_of_products_over_ours": rounds["blocks"].ratio(rounds["products"]),
        "time_of_reading_over_ours": rounds["blocks"].ratio(rounds["read"]),
        "largest_difference": {
            "expected": float(np.abs(found.expected - expected["expected"]).max()),
            "any": float(np.abs(found.any - expected["any"]).max()),
            "count": int(np.abs(found.count.astype(int) - expected["count"]).max()),
        },
    }


def draw(species: int, cells: int) -> Iterator[NDArray[np.float32]]:
    """Draw blocks (species, cells) of probabilities, about 1.2 % of them likely."""
    generator = np.random.default_rng(0)
    for start in range(0, species, BLOCK):
        rows = min(BLOCK, species - start)
        logit = generator.normal(0, 1.5, (rows, 1)) - 5.8 + generator.normal(0, 1, (rows, cells))
        yield (1 / (1 + np.exp(-logit))).astype(np.float32)


def by_blocks(blocks: Any, assemblage: Any) -> Any:
    """Sum as the tile program does."""
    sums, start = [], 0
    for block in blocks:
        part = slice(start, start + len(block))
        present = block >= assemblage.threshold[part, None]
        sums.append(Sums.of(assemblage.members[:, part], block, present, assemblage.status[part]))
        start = part.stop
        sums = [reduce(add, sums)]
    return sums[0].value()


def naive(probability: NDArray[np.float32], assemblage: Any) -> dict[str, NDArray[Any]]:
    """Apply the equations to the whole cube (species, cells)."""
    present = probability >= assemblage.threshold[:, None]
    chosen = [probability[members] for members in assemblage.members]
    by_status = [probability[assemblage.status == code] for code in range(2, 8)]
    return {
        "expected": np.stack([part.sum(axis=0) for part in chosen]),
        "variance": np.stack([(part * (1 - part)).sum(axis=0) for part in chosen]),
        "any": np.stack([1 - (1 - part).prod(axis=0) for part in chosen]),
        "count": np.stack([present[members].sum(axis=0) for members in assemblage.members]),
        "status_any": np.stack([1 - (1 - part).prod(axis=0) for part in by_status]),
        "most_threatened": np.where(present, assemblage.status[:, None], 1).max(axis=0),
    }


def products(blocks: list[NDArray[np.float32]], assemblage: Any) -> None:
    """Do the matrix products that the sums are made of, and nothing else."""
    groups = np.concatenate([assemblage.members] * 4 + [_statuses(assemblage)])
    weights = torch.from_numpy(groups.astype(np.float32))
    for index, block in enumerate(blocks):
        start = index * BLOCK
        torch.mm(weights[:, start : start + len(block)], torch.from_numpy(block))


def _statuses(assemblage: Any) -> NDArray[np.bool_]:
    return assemblage.status[None] == np.arange(2, 8)[:, None]


def memories(options: argparse.Namespace) -> dict[str, float]:
    """Measure each way in a fresh process."""
    sizes = ["--species", str(options.species), "--cells", str(options.cells)]
    return {
        f"{part}_gib": harness.in_child(__file__, [*sizes, "--part", part])["gib"]
        for part in ("blocks", "naive")
    }


def memory(options: argparse.Namespace) -> dict[str, float]:
    """Run one way here and return what it took beyond the imports."""
    assemblage = synthetic.make_assemblage(options.species)
    before = harness.peak_memory()
    blocks = draw(options.species, options.cells)
    if options.part == "blocks":
        by_blocks(blocks, assemblage)
    else:
        naive(np.concatenate(list(blocks)), assemblage)
    return {"gib": round((harness.peak_memory() - before) / harness.GIB, 3)}


def stored(options: argparse.Namespace) -> dict[str, Any]:
    """Time `assess` on one shard of a stored tile, lazily by chunks and in memory."""
    species, side = min(options.species, SHARD), options.stored_cells
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "species.zarr")
        write(store, species, side)
        table = pd.DataFrame({"species_id": range(species)})
        lists = {"all": table["species_id"].tolist(), "some": table["species_id"][::10].tolist()}
        loaded = open_cube(store).load()
        rounds = harness.interleave(
            {
                "in memory": lambda: assess(loaded, lists).compute(),
                "stored, Dask": lambda: assess(open_cube(store, chunks={}), lists).compute(),
                "reading alone": lambda: open_cube(store).load(),
            },
            options.rounds,
        )
    numbers = species * side**2
    return {
        "species": species,
        "cells": side**2,
        "nanoseconds_per_probability": {
            name: round(one.processor / numbers * 1e9, 2) for name, one in rounds.items()
        },
        "wall_seconds": {name: round(one.wall, 2) for name, one in rounds.items()},
    }


def write(store: Path, species: int, side: int) -> None:
    """Write a species cube of one tile."""
    model = synthetic.make_model(species, synthetic.Widths(sentinel2=(4, 4, 4, 4), series=(4, 4)))
    declare(store, species_cube(synthetic.square(1, side), model.card, {}))
    levels = [quantise(block, 0.002, place="benchmark") for block in draw(species, side**2)]
    cube = np.concatenate(levels).reshape(species, side, side)
    write_block(store, "", "probability", cube, {})
    write_block(store, "", "valid", np.ones((side, side), np.uint8), {})


if __name__ == "__main__":
    main()
