import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.ranking import NOTHING, TopSpecies, merge


def dense(probability, k, minimum=0.0):
    """Rank the whole cube (species, n) at once by a stable sort."""
    least = np.broadcast_to(np.float32(minimum), len(probability))[:, None]
    order = np.argsort(-probability, axis=0, kind="stable")
    kept = np.take_along_axis(probability >= least, order, axis=0)
    # Those that count keep their order, and the others stand behind them.
    place = np.argsort(~kept, axis=0, kind="stable")
    sorted_species = np.take_along_axis(np.where(kept, order, -1), place, axis=0)[:k].T
    missing = k - sorted_species.shape[1]
    return np.pad(sorted_species, ((0, 0), (0, max(0, missing))), constant_values=-1)


def in_blocks(probability, cuts, k, **options):
    top = TopSpecies(k, probability.shape[1], **options)
    for species in np.split(np.arange(len(probability)), sorted(cuts)):
        if len(species):
            top.add(species, torch.from_numpy(probability[species]))
    return top.sentences().numpy()


# Few levels, so that many probabilities are equal.
cubes = st.tuples(st.integers(1, 24), st.integers(1, 5), st.integers(0, 2**32 - 1)).map(
    lambda drawn: np.random.default_rng(drawn[2]).integers(0, 6, drawn[:2]).astype(np.float32) / 5
)


@settings(max_examples=60, deadline=None)
@given(cubes, st.integers(1, 8), st.data())
def test_any_cutting_gives_what_a_stable_sort_of_the_cube_gives(probability, k, data):
    cuts = data.draw(st.lists(st.integers(0, len(probability)), max_size=4))
    np.testing.assert_array_equal(in_blocks(probability, cuts, k), dense(probability, k))


@settings(max_examples=40, deadline=None)
@given(cubes, st.integers(1, 8), st.sampled_from([0.2, 0.6, 1.0]), st.data())
def test_species_below_a_minimum_do_not_count(probability, k, minimum, data):
    cuts = data.draw(st.lists(st.integers(0, len(probability)), max_size=4))
    found = in_blocks(probability, cuts, k, minimum=minimum)
    np.testing.assert_array_equal(found, dense(probability, k, minimum))


def test_blocks_may_come_in_any_order():
    probability = np.random.default_rng(0).integers(0, 9, (30, 50)).astype(np.float32) / 8
    top = TopSpecies(7, 50)
    for species in (np.arange(20, 30), np.arange(5), np.arange(5, 20)[::-1].copy()):
        top.add(species, torch.from_numpy(probability[species]))
    np.testing.assert_array_equal(top.sentences().numpy(), dense(probability, 7))


def test_every_species_can_have_a_minimum_of_its_own():
    probability = np.random.default_rng(1).random((40, 300), np.float32)
    minimum = np.random.default_rng(2).random(40)
    found = in_blocks(probability, [16, 32], 10, minimum=minimum)
    np.testing.assert_array_equal(found, dense(probability, 10, minimum))


def test_more_cells_than_a_strip():
    probability = np.random.default_rng(3).random((20, 5000), np.float32)
    np.testing.assert_array_equal(in_blocks(probability, [9], 4), dense(probability, 4))


def test_merging_by_torch_gives_the_same():
    probability = np.random.default_rng(4).integers(0, 9, (32, 40)).astype(np.float32) / 8
    ranked = torch.full((40, 6), NOTHING, dtype=torch.int64)
    top = TopSpecies(6, 40, minimum=0.25)
    for species in np.split(np.arange(32), 4):
        block = torch.from_numpy(probability[species])
        ranked = merge(ranked, torch.from_numpy(species), block, torch.full((8,), 0.25))
        top.add(species, block)
        assert torch.equal(ranked, top._ranked)


@pytest.mark.gpu
def test_a_gpu_ranks_alike():
    probability = np.random.default_rng(4).integers(0, 9, (32, 40)).astype(np.float32) / 8
    top = TopSpecies(6, 40, device="cuda")
    for species in np.split(np.arange(32), 4):
        top.add(species, torch.from_numpy(probability[species]).cuda())
    np.testing.assert_array_equal(top.sentences().cpu().numpy(), dense(probability, 6))


def test_the_published_quirk_drops_the_last_species_but_never_the_only_one():
    probability = np.float32([[0.9, 0.9, 0.0], [0.8, 0.0, 0.0], [0.7, 0.0, 0.0]])
    top = TopSpecies(3, 3, minimum=0.5)
    top.add(np.arange(3), torch.from_numpy(probability))
    assert top.sentences().tolist() == [[0, 1, 2], [0, -1, -1], [-1, -1, -1]]
    dropped = top.sentences(drop_last="plantbert")
    assert dropped.tolist() == [[0, 1, -1], [0, -1, -1], [-1, -1, -1]]
    assert dropped.dtype == torch.int32


@pytest.mark.parametrize("value", [np.nan, 1.5])
def test_what_is_no_probability_is_refused(value):
    top = TopSpecies(2, 3)
    probability = torch.full((1, 3), 0.5)
    probability[0, 1] = value
    top.add(np.array([0]), probability)
    with pytest.raises(InputError, match=f"cell 1 has a species with probability {value}"):
        top.sentences()


def test_a_block_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"shape \(2, 3\); expected \(1, 3\)"):
        TopSpecies(2, 3).add(np.array([4]), torch.zeros(2, 3))


@pytest.mark.parametrize(("k", "minimum"), [(0, 0.1), (3, 1.5), (3, -0.1)])
def test_settings_that_mean_nothing_are_refused(k, minimum):
    with pytest.raises(InputError, match="k of 1 or more"):
        TopSpecies(k, 3, minimum=minimum)
