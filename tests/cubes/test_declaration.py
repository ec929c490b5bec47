import pytest

from biomap_xr.cubes import Variable
from biomap_xr.errors import InputError


def test_shards_are_tiles_and_chunks_divide_them(cube):
    probability, valid = cube.variables
    assert cube.shape_of(probability) == (5, 20, 40)
    assert cube.shards_of(probability) == (2, 20, 20)
    assert cube.chunks_of(probability) == (1, 20, 20)
    assert cube.shards_of(valid) == cube.chunks_of(valid) == (20, 20)


def test_a_chunk_that_does_not_divide_its_shard_becomes_the_shard(cube):
    odd = Variable("odd", ("y", "x"), "uint8", 0, {}, chunks={"y": 7, "x": 10})
    assert cube.chunks_of(odd) == (20, 10)


def test_unknown_dims_are_refused():
    with pytest.raises(InputError, match=r"name \['species'\], expected some of its dims"):
        Variable("valid", ("y", "x"), "uint8", 0, {}, shards={"species": 2})
