from collections import Counter

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats import agreement
from biomap_xr.evaluation.habitats.agreement import (
    Agreement,
    agreement_of,
    counted,
    number_at,
    strips,
)
from biomap_xr.habitats.eunis import at_level, number_of

CODES = ("MA221", "P3a", "Q11", "R1A", "R22", "T17", "T1K", "T3N")


@pytest.mark.parametrize("level", [1, 2, 3])
def test_numbers_roll_up_as_codes_do(level):
    numbers = np.array([number_of(code) for code in CODES], np.uint16)
    wanted = [number_of(at_level(code, level)) for code in CODES]
    assert number_at(numbers, level).tolist() == wanted


def hand_made():
    """Six cells: right, right at level 2, at level 1, wrong, a town on the map, sea in truth."""
    true = np.array([[7107, 7107, 7107, 7107, 5202, 65535]], np.uint16)
    first = np.array([[7107, 7101, 7301, 5202, 0, 5202]], np.uint16)
    second = np.array([[65535, 7107, 65535, 65535, 65535, 65535]], np.uint16)
    return np.stack([first, second]), true


def test_agreement_by_hand():
    found = Agreement.of(*hand_made())
    assert (found.cells, found.right, found.among, found.without) == (4, (3, 2, 1), 2, 1)
    assert found.shares == (0.75, 0.5, 0.25)
    assert found.share_among == 0.5
    assert found.share_of_most_common == (1.0, 1.0, 1.0)


@settings(deadline=None)
@given(st.integers(0, 6))
def test_agreements_of_parts_add_up(cut):
    ranks, true = hand_made()
    parts = Agreement.of(ranks[..., :cut], true[:, :cut]) + Agreement.of(
        ranks[..., cut:], true[:, cut:]
    )
    assert parts == Agreement.of(ranks, true)


def test_nothing_to_compare_is_not_a_number():
    assert np.isnan(Agreement().shares).all()
    assert np.isnan(Agreement().share_among)


def test_a_map_of_other_cells_is_refused():
    ranks, true = hand_made()
    with pytest.raises(InputError, match=r"\(1, 6\) and the truth \(1, 5\)"):
        Agreement.of(ranks, true[:, :5])


def layers(seed=0, rows=11):
    random = np.random.default_rng(seed)
    numbers = np.array([*(number_of(code) for code in CODES), 0, 65535], np.uint16)
    habitat = xr.DataArray(random.choice(numbers, (3, rows, 7)), dims=("rank", "y", "x"))
    return habitat, xr.DataArray(random.choice(numbers, (rows, 7)), dims=("y", "x"))


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(agreement, "CELLS", 14)


@pytest.mark.usefixtures("narrow")
def test_a_map_in_strips_is_the_whole_map():
    habitat, truth = layers()
    assert [rows.start for rows in strips(truth)] == [0, 2, 4, 6, 8, 10]
    assert agreement_of(habitat, truth) == Agreement.of(habitat.to_numpy(), truth.to_numpy())


@pytest.mark.usefixtures("narrow")
def test_a_formation_counts_only_where_it_is_true():
    habitat, truth = layers()
    found = agreement_of(habitat, truth, "T")
    true = truth.to_numpy()
    forest = (true >= 7000) & (true < 8000)
    assert found.cells + found.without == forest.sum()
    assert set(found.true) <= {7107, 7119, 7322}
    with pytest.raises(InputError, match="formation 'X' is unknown"):
        agreement_of(habitat, truth, "X")


@pytest.mark.usefixtures("narrow")
def test_values_are_counted():
    _, truth = layers()
    assert counted(truth) == Counter(truth.to_numpy().ravel().tolist())


@pytest.mark.usefixtures("narrow")
def test_strips_are_whole_shards():
    layer = xr.DataArray(np.zeros((50, 10), np.uint8), dims=("y", "x"))
    layer.encoding["shards"] = (20, 10)
    assert all(rows.start % 20 == 0 for rows in strips(layer))
