"""What each Zarr cube holds: declared once, opened in one way, written by whole shards."""

from biomap_xr.cubes.declaration import Coordinate, Cube, Variable
from biomap_xr.cubes.shards import Shard, digest_of, write_block
from biomap_xr.cubes.store import declare, open_cube, update_attributes

__all__ = [
    "Coordinate",
    "Cube",
    "Shard",
    "Variable",
    "declare",
    "digest_of",
    "open_cube",
    "update_attributes",
    "write_block",
]
