"""Writing one tile of the species cube: whole shards by rename against zarr-python's own writing.

1,024 species on 500 x 500 cells, a tenth of them present at all, 1.2 % of all values above zero:
what a tile of the published maps holds. ``write_block`` encodes with zarrs in one thread, forces
every shard to disk, hashes it for the receipt and renames it. The baseline is ``array[:] = block``
of zarr-python into the same layout, which does none of the three; the limit is the compression of
the chunks that hold anything and one file of the result, forced to disk, and beside it what
hashing alone costs.

    python benchmarks/shard_writing.py --species 1024
"""

import argparse
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import harness
import numpy as np
import zarr
from numcodecs import zstd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from synthetic import square

from biomap_xr.cubes import Coordinate, Cube, declare, write_block
from biomap_xr.species.cube import species_variables

PRESENT = 0.1
"""Share of the species that occur in the tile at all."""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, species=1024, cells=500, rounds=3)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        harness.publish(measure(Path(folder), options), as_json=options.json)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Write the same block in each way in turn."""
    levels = make_levels(options.species, options.cells)
    stores = {name: folder / f"{name}.zarr" for name in ("ours", "zarr_python")}
    for store in stores.values():
        lay_out(store, options.species, options.cells)
    encoded = compress(levels)
    rounds = harness.interleave(
        {
            "write_block": lambda: write_block(stores["ours"], "", "probability", levels, {}),
            "zarr_python": lambda: by_zarr_python(stores["zarr_python"], levels),
            "limit": lambda: one_file(folder / "limit", compress(levels)),
            "hash": lambda: hashlib.sha256(b"".join(encoded)).digest(),
        },
        options.rounds,
    )
    presences = int((levels > 0).sum())
    size = sum(file.stat().st_size for file in (stores["ours"] / "probability/c").rglob("*"))
    ours = rounds["write_block"]
    return {
        "megabytes": round(levels.nbytes / 1e6, 1),
        "stored_megabytes": round(size / 1e6, 2),
        "presences_per_cell": round(presences / options.cells**2, 2),
        "bytes_per_presence": round(size / presences, 3),
        "speed_up_wall": ours.ratio(rounds["zarr_python"], wall=True),
        "speed_up_cpu": ours.ratio(rounds["zarr_python"]),
        "limit_reached_wall": ours.ratio(rounds["limit"], wall=True),
        "limit_reached_cpu": ours.ratio(rounds["limit"]),
        "equal": equal(stores),
        "rounds": rounds,
    }


def make_levels(species: int, cells: int) -> NDArray[np.uint8]:
    """Draw smooth maps (species, y, x) in 250ths, most of them empty."""
    generator = np.random.default_rng(0)
    levels = np.zeros((species, cells, cells), np.uint8)
    for index in generator.choice(species, round(species * PRESENT), replace=False):
        field = gaussian_filter(generator.normal(size=(cells, cells)).astype(np.float32), 12)
        field += gaussian_filter(generator.normal(size=(cells, cells)).astype(np.float32), 1) / 40
        edge = np.quantile(field, 0.88)
        levels[index] = np.clip((field - edge) / field.std() * 90 + 1, 0, 250) * (field > edge)
    return levels


def lay_out(store: Path, species: int, cells: int) -> None:
    """Declare the probabilities of the species cube on one tile."""
    coordinates = {"species": Coordinate(("species",), np.arange(species))}
    declare(store, Cube("", square(1, cells), species_variables()[:1], coordinates))


def by_zarr_python(store: Path, levels: NDArray[np.uint8]) -> None:
    """Write as any user of zarr-python does, over what is there."""
    shutil.rmtree(store / "probability" / "c", ignore_errors=True)
    zarr.open_array(store / "probability", mode="r+")[...] = levels


def compress(levels: NDArray[np.uint8]) -> list[bytes]:
    """Compress the species that occur, as the cube's codec does."""
    return [bytes(zstd.compress(level, 1)) for level in levels if level.any()]


def one_file(path: Path, parts: list[bytes]) -> None:
    """Write everything to one file and force it to disk."""
    with path.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def equal(stores: dict[str, Path]) -> bool:
    """Read both back and compare."""
    arrays = [zarr.open_array(store / "probability", mode="r")[...] for store in stores.values()]
    return bool((arrays[0] == arrays[1]).all())


if __name__ == "__main__":
    main()
