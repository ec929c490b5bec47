"""The lattice encoder on a raster: one dense convolution against window by window.

The baseline is `Lattice.forward` on windows of 128 x 128 pixels, 16 at a time and in channels-last
layout, which reaches nearly the machine's rate itself: it is slow because windows overlap, not for
want of tuning. The limit is the operations of the dense form, halo included, over the rate of a
bare float32 product in the same rounds. Equality is checked in float32 and float64.

    python benchmarks/dense_sentinel2.py --cells 100
"""

import argparse
from typing import Any

import harness
import torch

from biomap_xr.species.encoders import Lattice

WINDOW, STEP = 128, 5
WIDTHS = (64, 128, 256, 512)


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, cells=100, windows=32, rounds=3)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    with torch.inference_mode():
        harness.publish(measure(options), as_json=options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time dense, window-wise and the bare product in turn, in both arithmetics."""
    raster = make_raster(options.cells)
    encoders = {"float32": make_lattice("float32"), "bfloat16": make_lattice("bfloat16")}
    contenders = {
        f"dense {name}": lambda encoder=encoder: encoder.dense(raster, window=WINDOW)
        for name, encoder in encoders.items()
    }
    patches = cut(raster, options.windows)
    rounds = harness.interleave(
        contenders
        | {
            "windows": lambda: by_windows(encoders["float32"], patches),
            "product": harness.matrix_product(),
        },
        options.rounds,
    )
    rate = harness.product_rate(rounds["product"].processor)
    limit = flop(options.cells) / rate
    cells = options.cells**2
    per_window = rounds["windows"].processor / options.windows
    return {
        "gflop_per_second": round(rate / 1e9, 1),
        "windows": {"cells_per_cpu_second": round(1 / per_window, 2)},
        **{
            name: {
                "cells_per_cpu_second": round(cells / rounds[name].processor),
                "speed_up": round(per_window * cells / rounds[name].processor),
                "limit_reached": round(limit / rounds[name].processor, 3),
            }
            for name in contenders
        },
        "largest_difference": equality(),
        "peak_gib": round(harness.peak_memory() / harness.GIB, 2),
        "rounds": rounds,
    }


def make_lattice(precision: str) -> Lattice:
    """Make an encoder of the published widths with random weights."""
    torch.manual_seed(0)
    return Lattice(channels=4, widths=WIDTHS, precision=precision).eval()


def make_raster(cells: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Draw the standardised pixels (4, rows, columns) under so many cells a side."""
    side = STEP * (cells - 1) + WINDOW
    return torch.randn(4, side, side, generator=torch.Generator().manual_seed(1), dtype=dtype)


def cut(raster: torch.Tensor, count: int) -> torch.Tensor:
    """Cut the windows (count, 4, 128, 128) of the first cells."""
    windows = raster.unfold(1, WINDOW, STEP).unfold(2, WINDOW, STEP).permute(1, 2, 0, 3, 4)
    return windows.reshape(-1, 4, WINDOW, WINDOW)[:count].contiguous()


def by_windows(encoder: Lattice, patches: torch.Tensor) -> torch.Tensor:
    """Embed windows 16 at a time, (count, width)."""
    return torch.cat([encoder(part) for part in patches.split(16)])


def equality(cells: int = 6) -> dict[str, float]:
    """Return the largest difference between both ways, relative to the largest value."""
    found = {}
    for dtype in (torch.float32, torch.float64):
        encoder, raster = make_lattice("float32").to(dtype), make_raster(cells, dtype)
        dense = encoder.dense(raster, window=WINDOW).flatten(1).T
        windows = by_windows(encoder, cut(raster, cells**2))
        found[str(dtype)] = float((dense - windows).abs().max() / windows.abs().max())
    return found


def flop(cells: int) -> float:
    """Count the operations of the dense form, two for a multiply and an add."""
    first, second, third, fourth = WIDTHS
    side = STEP * (cells - 1) + WINDOW
    pooled = (side - 4) // STEP
    return 18.0 * (
        (side - 2) ** 2 * 4 * first
        + (side - 4) ** 2 * first * second
        + (pooled - 2) ** 2 * second * third
        + (pooled - 4) ** 2 * third * fourth
    )


if __name__ == "__main__":
    main()
