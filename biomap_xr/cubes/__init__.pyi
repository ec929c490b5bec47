from .declaration import (
    PARTS as PARTS,
    Coordinate as Coordinate,
    Cube as Cube,
    Variable as Variable,
)
from .shards import Shard as Shard, digest_of as digest_of, write_block as write_block
from .store import (
    declare as declare,
    open_cube as open_cube,
    update_attributes as update_attributes,
)
