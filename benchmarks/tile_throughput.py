"""Cells a second of the tile program by phase, against its arithmetic and against the naive way.

The limit is the sum of the operations that the tile needs (dense convolutions with their halo,
Landsat and head for every cell, climate for every pixel of 1 km, three products of the indicators)
over the machine's rate, which is measured by a bare product in the same rounds. The baseline is
what a user would write: a batch of windows per cell through `SpeciesModel.forward`, the whole cube
of probabilities, NumPy sums and zarr-python. It is measured on a sample of cells without reading
and writing, in the model's own batch, and both give the same probabilities.

    python benchmarks/tile_throughput.py --species 2000 --cells 500
"""

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import harness
import numpy as np
import synthetic
import torch

from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.grid import Cells
from biomap_xr.programs import species as tile_program
from biomap_xr.programs.species import TileProgram, loaded
from biomap_xr.species import inference
from biomap_xr.species.inference import embed_tile, input_settings, species_blocks
from biomap_xr.species.model import SpeciesModel

SAMPLE = 32
"""Cells of the baseline."""
PHASES = {
    "read": ((inference, "read_image"), (inference, "read_pixels")),
    "embed sentinel2": ((inference, "_embed_dense"),),
    "embed landsat, climate and gather": ((tile_program, "embed_tile"),),
    "head": ((inference, "_probabilities"),),
    "indicators": ((tile_program.TilePass, "_sums"),),
    "quantise": ((tile_program.TilePass, "_quantised"),),
    "write": ((tile_program, "write_block"),),
}
"""Functions whose own time makes a phase; time inside an inner one counts there alone."""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, species=2000, cells=500, block=128, rounds=1)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        grid = synthetic.square(1, options.cells)
        covariates = synthetic.make_covariates(Path(folder, "covariates.zarr"), grid)
        model = synthetic.make_model(options.species, synthetic.Widths())
        program = synthetic.make_program(Path(folder), covariates, model, options.block)
        harness.publish(measure(program, options), as_json=options.json)


def measure(program: TileProgram, options: argparse.Namespace) -> dict[str, Any]:
    """Run tile, baseline and bare product in turn."""
    tile = next(iter(program.covariates.grid.tiles()))
    model = loaded(program.model, program.weights, program.device)
    watch = harness.Stopwatch()
    with phases(watch):
        rounds = harness.interleave(
            {
                "product before": harness.matrix_product(),
                "tile": lambda: timed(watch, program, tile),
                "product after": harness.matrix_product(),
                "naive": lambda: naive(program, model, sample(options.cells)),
            },
            options.rounds,
        )
    cells = options.cells**2
    operations = flop(model, options.cells)
    # The tile takes long: the faster product is the fairer limit on a busy machine.
    products = (rounds[f"product {place}"].processor for place in ("before", "after"))
    rate = harness.product_rate(min(products))
    limit = sum(operations.values()) / rate
    tile_seconds, naive_seconds = rounds["tile"].processor, rounds["naive"].processor
    return {
        "cells_per_cpu_second": round(cells / tile_seconds),
        "naive_cells_per_cpu_second": round(SAMPLE / naive_seconds, 2),
        "speed_up": round(naive_seconds / SAMPLE / (tile_seconds / cells)),
        "limit_reached": round(limit / tile_seconds, 3),
        "gflop_per_second": round(rate / 1e9, 1),
        "phases": shares(watch, options.rounds + 1, operations, rate),
        "largest_difference": difference(program, model),
        "rounds": rounds,
    }


def timed(watch: harness.Stopwatch, program: TileProgram, tile: Any) -> None:
    """Run the program; what no phase claims is `other`."""
    with watch.phase("other"):
        program(tile)


@contextlib.contextmanager
def phases(watch: harness.Stopwatch) -> Iterator[None]:
    """Put the watch around the functions of all phases, the program itself unchanged."""
    with contextlib.ExitStack() as stack:
        for name, places in PHASES.items():
            for owner, attribute in places:
                inner = getattr(owner, attribute)
                stack.enter_context(patch.object(owner, attribute, _watched(watch, name, inner)))
        yield


def _watched(watch: harness.Stopwatch, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with watch.phase(name):
            return inner(*args, **kwargs)

    return call


def shares(
    watch: harness.Stopwatch, times: int, operations: dict[str, float], rate: float
) -> dict[str, dict[str, float]]:
    """Describe each phase: processor seconds, share of the tile, share of its limit reached."""
    total = sum(one.processor for one in watch.phases.values())
    described = {}
    for name, one in watch.phases.items():
        seconds = one.processor / times
        described[name] = {"cpu_s": round(seconds, 3), "share": round(one.processor / total, 3)}
        if name in operations:
            described[name]["of_limit"] = round(operations[name] / rate / seconds, 3)
    return described


def flop(model: SpeciesModel, side: int) -> dict[str, float]:
    """Count the operations of a tile with `side` cells a side, two for a multiply and an add."""
    first, second, third, fourth = model.card.modalities["sentinel2"].widths
    pixels = 5 * (side - 1) + 128
    pooled = (pixels - 4) // 5
    dense = 18 * ((pixels - 2) ** 2 * 4 * first + (pixels - 4) ** 2 * first * second)
    dense += 18 * ((pooled - 2) ** 2 * second * third + (pooled - 4) ** 2 * third * fourth)
    species, cells, pixels_1km = len(model.card.species_id), side**2, side**2 / 400
    widths = model.widths
    series = {
        "landsat": cells * _series_flop(24, 21, model.card.modalities["landsat"].widths),
        "climate": pixels_1km * _series_flop(48, 19, model.card.modalities["climate"].widths),
    }
    return {
        "embed sentinel2": float(dense),
        "embed landsat, climate and gather": series["landsat"] + series["climate"],
        "head": 2.0
        * species
        * (cells * (widths["sentinel2"] + widths["landsat"]) + pixels_1km * widths["climate"]),
        "indicators": 2.0 * species * cells * (3 * 6 + 6),
    }


def _series_flop(channels: int, years: int, widths: tuple[int, int]) -> float:
    return 6.0 * ((years - 2) * channels * widths[0] + (years - 4) * widths[0] * widths[1])


def sample(side: int) -> Cells:
    """Draw cells of the tile."""
    generator = np.random.default_rng(1)
    return Cells(*(generator.integers(0, side, SAMPLE) for _ in range(2)))


def naive(program: TileProgram, model: SpeciesModel, cells: Cells) -> np.ndarray:
    """Predict cells window by window, (species, n), and sum the whole cube."""
    settings = input_settings(model)
    years = np.full(len(cells), settings.reference_year)
    raw = cut_inputs(program.covariates, cells, years, model.modalities, settings)
    with torch.inference_mode():
        logits = model({name: torch.from_numpy(array) for name, array in raw.items()})
    probability = torch.sigmoid(logits).numpy().T
    for members in program.assemblage.members:
        chosen = probability[members]
        chosen.sum(axis=0), (chosen * (1 - chosen)).sum(axis=0), (1 - chosen).prod(axis=0)
    return probability


def difference(program: TileProgram, model: SpeciesModel) -> float:
    """Return the largest difference of probability between the two ways, on the sample."""
    tile = next(iter(program.covariates.grid.tiles()))
    cells = sample(tile.shape[0])
    embedding = embed_tile(model, program.covariates, tile, reach=program.reach)
    places = cells.row * tile.shape[1] + cells.column
    found = np.concatenate(
        [part[:, places].numpy() for _, part in species_blocks(model, embedding, 64)]
    )
    return float(np.abs(found - naive(program, model, cells)).max())


if __name__ == "__main__":
    main()
