"""Writing whole shards: encoded beside the array, forced to disk, then published by rename.

zarrs encodes several times faster than zarr-python's own pipeline, but neither forces to disk and
zarrs leaves a torn shard where it is killed. A shard that has its final name is therefore always
whole here.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from biomap_xr.durable import give_name
from biomap_xr.errors import InputError

# With several threads the order of the chunks in a shard, and so its bytes, would be chance.
ZARRS = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "threading.max_workers": 1}


@dataclass(frozen=True)
class Shard:
    """One file of a cube as it was written."""

    path: str
    """Relative to the store."""
    size: int
    """In bytes."""
    sha256: str

    def is_intact(self, store: Path, *, deep: bool = False) -> bool:
        """Say whether the file has its recorded size and, if ``deep``, its recorded content."""
        path = store / self.path
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        return not deep or digest_of(path) == self.sha256


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_block(
    store: Path, group: str, variable: str, block: NDArray[Any], origin: Mapping[str, int]
) -> tuple[Shard, ...]:
    """Write a block of whole shards of a declared variable and publish each by rename.

    Args:
        store: The Zarr store.
        group: Path of the group in it.
        variable: Name of the array.
        block: Values in the array's dims and dtype.
        origin: First index of the block by dim name; a dim left out starts at 0.

    Returns:
        The shards that hold anything; one that is all fill value is not stored.

    Raises:
        InputError: The block has another dtype or rank, reaches beyond the array, or is not whole
            shards.
    """
    place = store / group / variable
    metadata = json.loads((place / "zarr.json").read_text())
    start = _check(place, metadata, block, origin)
    # Beside the store, where readers would take what a killed writer leaves for one of its arrays;
    # resolved, since a rename needs both names on one disk.
    beside = store.resolve()
    scratch = Path(tempfile.mkdtemp(prefix=_scratch_prefix(beside), dir=beside.parent))
    try:
        _encode(scratch, metadata, block)
        return tuple(_publish(scratch, place, store, metadata, block.shape, start))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sweep_scratch(store: Path) -> None:
    """Remove what killed writers of a store left beside it; nobody may be writing."""
    beside = store.resolve()
    for path in beside.parent.glob(f"{_scratch_prefix(beside)}*"):
        shutil.rmtree(path, ignore_errors=True)


def _scratch_prefix(store: Path) -> str:
    return f".{store.name}.partial-"


def _check(
    place: Path, metadata: dict[str, Any], block: NDArray[Any], origin: Mapping[str, int]
) -> tuple[int, ...]:
    """Return the block's first index in each dim, if it is whole shards of the array."""
    dims, shape, shard = metadata["dimension_names"], metadata["shape"], _shard_shape(metadata)
    if block.dtype != np.dtype(metadata["data_type"]):
        raise InputError(
            f"{place}: a block of {block.dtype} was given, expected {metadata['data_type']}"
        )
    start = tuple(origin.get(dim, 0) for dim in dims)
    if block.ndim != len(dims):
        raise InputError(
            f"{place}: a block of shape {block.shape} was given, expected the dims {dims}"
        )
    for dim, first, size, whole, step in zip(dims, start, block.shape, shape, shard, strict=True):
        stop = first + size
        if first % step or stop > whole or (stop % step and stop != whole) or not size:
            raise InputError(
                f"{place}: {dim} {first}:{stop} is not whole shards of {step} in 0:{whole}; "
                "write whole tiles, so that each shard has one writer"
            )
    return start


def _shard_shape(metadata: dict[str, Any]) -> list[int]:
    return metadata["chunk_grid"]["configuration"]["chunk_shape"]


def _encode(scratch: Path, metadata: dict[str, Any], block: NDArray[Any]) -> None:
    """Write ``block`` as an array of its own below ``scratch``, in the same shards and codecs."""
    (scratch / "zarr.json").write_text(json.dumps({**metadata, "shape": list(block.shape)}))
    with zarr.config.set({"array.write_empty_chunks": False, **ZARRS}):
        zarr.open_array(scratch, mode="r+")[...] = block


def _publish(
    scratch: Path,
    place: Path,
    store: Path,
    metadata: dict[str, Any],
    shape: tuple[int, ...],
    start: tuple[int, ...],
) -> Iterator[Shard]:
    """Move each encoded shard to its final name; remove one that is there but is all fill now."""
    step = _shard_shape(metadata)
    counts = [-(-size // each) for size, each in zip(shape, step, strict=True)]
    for index in np.ndindex(*counts):
        source = scratch.joinpath("c", *map(str, index))
        absolute = (first // each + i for first, each, i in zip(start, step, index, strict=True))
        target = place.joinpath("c", *map(str, absolute))
        if not source.exists():
            target.unlink(missing_ok=True)
            continue
        yield _rename(source, target, store)


def _rename(source: Path, target: Path, store: Path) -> Shard:
    shard = Shard(target.relative_to(store).as_posix(), source.stat().st_size, digest_of(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    give_name(source, target)
    return shard
