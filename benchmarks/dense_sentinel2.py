"""The lattice encoder on a raster: one dense convolution against window by window.

The baseline is `Lattice.forward` on windows of 128 x 128 pixels, 16 at a time and in channels-last
layout, which reaches nearly the machine's rate itself: it is slow because windows overlap, not for
want of tuning. The limit is the operations of the dense form, halo included, over the rate of a
bare product of the same type in the same rounds. Equality is checked in float32 and float64.

    python benchmarks/dense_sentinel2.py --cells 100
"""

import argparse
from typing import Any

import harness
import torch

from biomap_xr.species.encoders import Lattice

WINDOW, STEP = 128, 5
WIDTHS = (64, 128, 256, 512)
PRECISIONS = ("float32", "bfloat16")


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
    before = harness.peak_memory()
    dense_once = make_lattice("float32").dense(raster, window=WINDOW)
    # Windows and products come later: the peak so far is that of the dense form.
    taken = harness.peak_memory() - before
    patches = cut(raster, options.windows)
    contenders = {}
    for name in PRECISIONS:
        dtype, encoder = getattr(torch, name), make_lattice(name)
        reduced, windows = make_lattice("float32").to(dtype), patches.to(dtype)
        contenders |= {
            f"dense {name}": lambda encoder=encoder: encoder.dense(raster, window=WINDOW),
            f"windows {name}": lambda net=reduced, x=windows: by_windows(net, x),
            f"product {name}": harness.matrix_product(dtype),
        }
    rounds = harness.interleave(contenders, options.rounds)
    return {
        **{name: described(rounds, name, options) for name in PRECISIONS},
        "largest_difference": equality(),
        "dense_gib": round(taken / harness.GIB, 2),
        "result_gib": round(dense_once.nbytes / harness.GIB, 3),
        "rounds": rounds,
    }


def described(
    rounds: dict[str, harness.Rounds], name: str, options: argparse.Namespace
) -> dict[str, float]:
    """Compare the dense form with windows and with its limit in one arithmetic."""
    dense, windows, product = (
        rounds[f"{kind} {name}"].processor for kind in ("dense", "windows", "product")
    )
    cells, rate = options.cells**2, harness.product_rate(product)
    return {
        "cells_per_cpu_second": round(cells / dense),
        "windows_cells_per_cpu_second": round(options.windows / windows, 2),
        "speed_up": round(windows / options.windows / (dense / cells)),
        "limit_reached": round(flop(options.cells) / rate / dense, 3),
        "gflop_per_second": round(rate / 1e9, 1),
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
