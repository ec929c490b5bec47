"""How far the cubes of two runs differ: of two versions, two thread counts, two seeds.

    python benchmarks/compare_runs.py runs/before runs/demo

Stored probabilities are compared in parts (250ths), habitats by the share of cells that bear
another one, everything else by its largest difference. Groups and variables that one run lacks are
named. The exit status is 0 where probabilities differ by one part at most and habitats are equal.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

STORES = ("covariates.zarr", "species.zarr", "indicators.zarr", "habitats.zarr")
TOLERANCE = {"probability": 1.0, "habitat": 0.0}
"""Largest difference that counts as equal, of the variables that decide the exit status."""


def groups_in(store: Path) -> list[str]:
    """Return the paths of all groups of a store that hold arrays."""
    found = (path.parent for path in store.rglob("zarr.json") if (path.parent / "x").is_dir())
    return sorted(path.relative_to(store).as_posix() for path in found)


def differences(one: xr.DataArray, other: xr.DataArray) -> tuple[float, float]:
    """Return the largest difference of two variables, and the share of values that differ."""
    largest, unequal, size = 0.0, 0, 0
    # A slab at a time: the species of Europe do not fit into memory.
    for index in range(one.shape[0]):
        a, b = (np.asarray(each[index].to_numpy(), np.float64) for each in (one, other))
        apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
        apart = np.where(np.isnan(apart), np.inf, apart)
        largest = max(largest, float(apart.max(initial=0.0)))
        unequal, size = unequal + int((apart > 0).sum()), size + apart.size
    return largest, unequal / max(size, 1)


def compared(before: Path, after: Path) -> Iterator[tuple[str, float, float]]:
    """Yield the place of each variable of both runs, its largest difference, and their share."""
    for store in STORES:
        groups = [
            groups_in(each / store) if (each / store).exists() else [] for each in (before, after)
        ]
        for name in sorted({*groups[0], *groups[1]}):
            if name not in groups[0] or name not in groups[1]:
                print(f"{store}/{name}: only in {before if name in groups[0] else after}")
                continue
            one, other = (
                xr.open_zarr(each / store / name, mask_and_scale=False, consolidated=False)
                for each in (before, after)
            )
            for variable in sorted({*one.data_vars, *other.data_vars}):
                place = f"{store}/{name}/{variable}".replace("/./", "/")
                if variable not in one or variable not in other:
                    print(f"{place}: only in {before if variable in one else after}")
                elif one[variable].shape != other[variable].shape:
                    print(f"{place}: {one[variable].shape} and {other[variable].shape}")
                elif one[variable].dtype.kind in "iuf" and one[variable].ndim > 1:
                    yield place, *differences(one[variable], other[variable])


def main() -> None:
    """Print a line a variable and leave with the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    wanted = parser.parse_args()
    zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
    equal = True
    for place, largest, share in compared(wanted.before, wanted.after):
        print(f"{place}: largest difference {largest:g}, {share:.4%} of the values differ")
        equal &= largest <= TOLERANCE.get(place.rpartition("/")[2], np.inf)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
