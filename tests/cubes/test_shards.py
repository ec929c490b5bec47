import numpy as np
import pytest
import xarray as xr
import zarr

from biomap_xr.cubes import declare, open_cube, shards, update_attributes, write_block
from biomap_xr.errors import InputError

pytestmark = pytest.mark.trust


@pytest.fixture
def store(tmp_path, cube):
    declare(tmp_path / "s.zarr", cube)
    return tmp_path / "s.zarr"


def block(species=2, value=7):
    return np.full((species, 20, 20), value, np.uint8)


def test_blocks_land_where_they_belong(store):
    for start, species in ((0, 2), (2, 2), (4, 1)):
        write_block(
            store, "", "probability", block(species, start + 1), {"species": start, "x": 20}
        )
    values = open_cube(store).probability.values
    assert values[:, :, 20:].mean(axis=(1, 2)).tolist() == [1, 1, 3, 3, 5]
    assert not values[:, :, :20].any()


def test_shards_carry_size_and_digest_and_notice_damage(store):
    (shard,) = write_block(store, "", "probability", block(), {})
    path = store / shard.path
    assert shard.is_intact(store, deep=True)
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    assert shard.is_intact(store)
    assert not shard.is_intact(store, deep=True)
    path.write_bytes(content[:-1])
    assert not shard.is_intact(store)


def test_all_fill_is_not_stored_and_replaces_what_was_there(store):
    (shard,) = write_block(store, "", "probability", block(), {})
    assert write_block(store, "", "probability", block(value=0), {}) == ()
    assert not (store / shard.path).exists()


def test_writing_twice_gives_the_same_bytes(store):
    first = write_block(store, "", "probability", block(), {})
    for _ in range(20):
        assert write_block(store, "", "probability", block(), {}) == first


def test_one_flipped_bit_is_noticed_on_reading(store):
    (shard,) = write_block(
        store,
        "",
        "probability",
        np.random.default_rng(1).integers(0, 250, (2, 20, 20), np.uint8),
        {},
    )
    path = store / shard.path
    for position in range(0, path.stat().st_size, 97):
        whole = path.read_bytes()
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        with pytest.raises((ValueError, RuntimeError, OSError)):
            zarr.open_array(store / "probability", mode="r")[:2, :, :20]
        path.write_bytes(whole)


def test_nothing_is_left_beside_the_cube(store):
    write_block(store, "", "probability", block(), {})
    assert not list(store.parent.glob(".*.partial-*"))


@pytest.mark.parametrize(
    ("values", "origin", "message"),
    [
        (block().astype(np.float32), {}, "a block of float32 was given, expected uint8"),
        (block()[0], {}, r"shape \(20, 20\) was given, expected the dims"),
        (block(1), {"species": 1}, "species 1:2 is not whole shards of 2"),
        (block(), {"x": 10}, "x 10:30 is not whole shards of 20"),
        (block(), {"species": 4}, "species 4:6 is not whole shards of 2 in 0:5"),
    ],
)
def test_parts_of_shards_and_other_types_are_refused(store, values, origin, message):
    with pytest.raises(InputError, match=message):
        write_block(store, "", "probability", values, origin)
    assert not open_cube(store).probability.values.any()


def test_what_a_killed_writer_leaves_is_no_array_and_is_swept(store, cube, monkeypatch):
    with monkeypatch.context() as patch:
        # As a writer ends that is killed before it tidies up.
        patch.setattr(shards.shutil, "rmtree", lambda *_, **__: None)
        write_block(store, "", "probability", block(), {})
    assert list(store.parent.glob(".s.zarr.partial-*"))
    update_attributes(store, "", {"seen": 1})
    assert set(xr.open_zarr(store)) == set(open_cube(store))
    declare(store, cube)
    assert [path.name for path in store.parent.iterdir()] == ["s.zarr"]
