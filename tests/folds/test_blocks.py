import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import balance_of, block_folds, blocks_of, group_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.grid import Cells, Extent, Grid, GridSettings, Points


def scattered(n, seed=0, span=1_500_000, classes=4):
    rng = np.random.default_rng(seed)
    points = Points(3e6 + rng.uniform(0, span, n), 2e6 + rng.uniform(0, span, n))
    return points, rng.choice(classes, n, p=np.arange(1, classes + 1) / sum(range(classes + 1)))


def test_the_block_of_a_cell_is_that_of_its_centre() -> None:
    grid = Grid.from_settings(
        GridSettings(
            extent=Extent(x_min=3_000_000, y_min=2_000_000, x_max=3_025_000, y_max=2_025_000)
        )
    )
    edge = Cells(np.array([0, 0, 299, 300]), np.array([199, 200, 0, 0]))
    assert blocks_of(grid.centres_of(edge), 10_000).tolist() == [
        [300, 202],
        [301, 202],
        [300, 201],
        [300, 200],
    ]


@given(seed=st.integers(0, 1000), count=st.sampled_from(["frequency", "presence"]))
def test_no_cell_is_on_both_sides(seed, count):
    points, label = scattered(300, seed)
    folds = block_folds(points, label, 4, BlockSettings(count=count, seed=seed))
    table = pd.DataFrame({"unit": folds.unit, "fold": folds.fold})
    assert (table.groupby("unit")["fold"].nunique() == 1).all()
    side = folds.trials[-1].side_m
    where = pd.Series(list(zip(points.x // side, points.y // side, strict=True)))
    assert (
        pd.DataFrame({"where": where, "fold": folds.fold}).groupby("where")["fold"].nunique().max()
        == 1
    )
    assert folds.number == 5
    assert sum(folds.balance.observations) == 300


def test_cells_have_the_names_of_the_reference_grid():
    points = Points(
        np.array([4_321_000.0, 4_399_999.0, 0.0, 1e6, 2e6]), np.array([3_210_000.0] * 5)
    )
    folds = block_folds(points, np.array([0, 1, 0, 1, 1]), 2, BlockSettings(folds=2, smallest=0))
    assert folds.unit[:3].tolist() == ["100kmE43N32", "100kmE43N32", "100kmE0N32"]


def test_frequencies_are_shared_better_than_presences():
    rng = np.random.default_rng(1)
    # Cells differ a hundredfold in the number of plots, as those of real surveys do.
    sizes = np.maximum(1, rng.lognormal(2, 1.5, 100)).astype(int)
    group = np.repeat(np.arange(100), sizes)
    label = rng.integers(0, 5, len(group))
    by = {
        count: group_folds(group, label, 5, BlockSettings(count=count)).balance
        for count in ("frequency", "presence")
    }
    assert by["frequency"].smallest > max(0.8, by["presence"].smallest)
    assert by["frequency"].deviation < by["presence"].deviation


def test_a_rare_class_reaches_as_many_folds_as_it_can():
    rng = np.random.default_rng(2)
    group, label = np.repeat(np.arange(50), 20), np.zeros(1000, np.int64)
    label[rng.choice(1000, 500, replace=False)] = 1
    label[::200] = 2  # five observations in five different groups
    assert len(np.unique(group[label == 2])) == 5
    folds = group_folds(group, label, 3, BlockSettings())
    assert folds.balance.absent == ((),) * 5


def test_same_seed_same_folds_and_the_order_of_labels_does_not_leak():
    points, label = scattered(200)
    first, again = (block_folds(points, label, 4, BlockSettings(seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first.fold, again.fold)


def test_finer_cells_are_tried_and_recorded():
    rng = np.random.default_rng(0)
    # All in six cells of 100 km, one of which holds nearly everything.
    x = np.concatenate([rng.uniform(0, 1e5, 500), np.arange(1, 6) * 1e5 + 5])
    y = np.concatenate([rng.uniform(0, 1e5, 500), np.full(5, 5.0)])
    folds = block_folds(Points(x, y), rng.integers(0, 2, 505), 2, BlockSettings())
    assert [trial.side_m for trial in folds.trials] == [100_000, 50_000, 10_000]
    assert [trial.balance.smallest > 0.5 for trial in folds.trials] == [False, False, True]
    assert folds.unit[0].startswith("10km")
    record = folds.record(("R11", "R12"))
    assert record["tried"][0]["smallest_over_mean"] < 0.1
    assert record["units"] == folds.trials[-1].units


def test_a_class_of_one_cell_is_listed():
    folds = group_folds(
        np.array([0, 0, 1, 2, 3]), np.array([2, 0, 0, 1, 1]), 3, BlockSettings(folds=2)
    )
    own = folds.fold[0]
    assert 2 in folds.balance.unlearnt[own]
    assert 2 in folds.balance.absent[1 - own]
    assert "R13" in folds.record(("R11", "R12", "R13"))["unlearnt"][own]


def test_balance_by_hand():
    balance = balance_of(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]), 2, 2)
    assert balance.observations == (3, 1)
    assert balance.smallest == 0.5
    # Class 0 is shared 2/3 and 1/3, class 1 is in one fold alone.
    assert balance.deviation == pytest.approx((1 / 6 + 1 / 6 + 1 / 2 + 1 / 2) / 4)


def test_single_observations_are_dealt_out_evenly():
    folds = group_folds(np.arange(100), np.array([0, 1] * 50), 2, BlockSettings())
    assert folds.balance.observations == (20,) * 5
    assert not folds.trials


def test_what_cannot_be_split_is_said():
    one_place = Points(np.zeros(9), np.zeros(9))
    with pytest.raises(InputError, match="9 observations lie in 1 cells of 10000 m"):
        block_folds(one_place, np.arange(9) % 2, 2, BlockSettings())
    with pytest.raises(InputError, match="3 groups"):
        group_folds(np.arange(3), np.array([0, 1, 0]), 2, BlockSettings())
    with pytest.raises(InputError, match="labels of 3 observations are 0 to 2; expected 0 to 1"):
        group_folds(np.arange(3), np.array([0, 1, 2]), 2, BlockSettings())
    with pytest.raises(InputError, match="all 7 observations are of class 1"):
        group_folds(np.arange(7), np.ones(7, np.int64), 2, BlockSettings())
    with pytest.raises(ValidationError, match="the longest first"):
        BlockSettings(sides_m=(10_000, 50_000))


@pytest.mark.skipif(
    "BIOMAP_XR_DATA" not in os.environ, reason="set BIOMAP_XR_DATA to the data folder"
)
def test_real_plots_are_balanced_at_100_km():
    (path,) = Path(os.environ["BIOMAP_XR_DATA"], "eunis_points").glob("*.csv")
    table = pd.read_csv(path)
    table = table[table["habitatId"].str.match("[RTSQ]..$")]
    to_grid = Transformer.from_crs(4326, 3035, always_xy=True)
    for _, rows in table.groupby(table["habitatId"].str[0]):
        codes, label = np.unique(rows["habitatId"], return_inverse=True)
        points = Points(*to_grid.transform(rows["lon"].to_numpy(), rows["lat"].to_numpy()))
        folds = block_folds(points, label, len(codes), BlockSettings())
        assert folds.trials[-1].side_m == 100_000
        assert folds.balance.smallest > 0.7
