import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from biomap_xr.errors import InputError
from biomap_xr.folds.plots import blocks_of_plots, fold_of_plots
from biomap_xr.folds.settings import PlotFoldSettings

BY_SITE = PlotFoldSettings(blocks="site", folds=3)


@pytest.fixture
def scattered(make_plots):
    """Make plots at random places, some on one spot, with few and many of a label."""

    def make(count, seed=0):
        random = np.random.default_rng(seed)
        labels = random.choice(["R22", "T17", "N1A", ""], count, p=[0.6, 0.25, 0.05, 0.1])
        return make_plots(
            *[{"a": 1}] * count,
            labels=[[label] if label else [] for label in labels],
            longitude=random.uniform(10, 11, count),
            latitude=random.uniform(47, 48, count),
        )

    return make


def test_blocks_of_degrees_count_from_0(make_plots):
    plots = make_plots(
        *[{"a": 1}] * 4, longitude=[0.3, 0.29999, -0.05, 12.87752], latitude=[48.7, 48.7, 0, 48.83]
    )
    # In binary, 0.3 / 0.1 lies below 3.
    assert blocks_of_plots(plots, PlotFoldSettings()).tolist() == [
        "3_487",
        "2_487",
        "-1_0",
        "128_488",
    ]


def test_blocks_of_metres_are_those_of_the_reference_grid(make_plots):
    # The origin of EPSG:3035 is 10E 52N at x 4,321,000 m and y 3,210,000 m.
    plots = make_plots({"a": 1}, longitude=[10.0], latitude=[52.0])
    settings = PlotFoldSettings(blocks="metres", metres=100_000)
    assert blocks_of_plots(plots, settings).tolist() == ["43_32"]


@pytest.mark.parametrize("balance", ["plots", "labels"])
@pytest.mark.parametrize("blocks", ["degrees", "metres"])
def test_a_block_is_in_one_fold(scattered, blocks, balance):
    plots = scattered(400)
    settings = PlotFoldSettings(blocks=blocks, balance=balance)
    fold, block = fold_of_plots(plots, settings), blocks_of_plots(plots, settings)
    assert set(fold.tolist()) == set(range(10))
    for name in np.unique(block):
        assert len(np.unique(fold[block == name])) == 1


def test_folds_are_as_even_as_those_of_scikit_learn(scattered):
    plots = scattered(500)
    settings = PlotFoldSettings(degrees=0.2, folds=7)
    sizes = np.bincount(fold_of_plots(plots, settings))
    blocks = np.unique(blocks_of_plots(plots, settings), return_inverse=True)[1]
    tests = GroupKFold(7).split(np.zeros(500), groups=blocks)
    assert sorted(sizes) == sorted(len(test) for _, test in tests)


def test_labels_are_dealt_out_as_evenly_as_by_scikit_learn(scattered):
    plots = scattered(2000)
    settings = PlotFoldSettings(folds=5, balance="labels")
    label = np.array(["".join(codes) for codes in plots.labels])
    block = np.unique(blocks_of_plots(plots, settings), return_inverse=True)[1]
    theirs = np.empty(2000, int)
    splitter = StratifiedGroupKFold(5)
    for number, (_, test) in enumerate(splitter.split(label, label, block)):
        theirs[test] = number

    def spread(fold):
        """Standard deviation of the folds' shares of each label, the worst of the labels."""
        counts = [np.bincount(fold[label == code], minlength=5) for code in ("R22", "T17", "N1A")]
        return max(np.std(count / count.sum()) for count in counts)

    assert spread(fold_of_plots(plots, settings)) <= spread(theirs)
    plain = PlotFoldSettings(folds=5)
    assert spread(fold_of_plots(plots, settings)) < spread(fold_of_plots(plots, plain))


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_the_plots_does_not_matter(make_plots, random, seed):
    places = [(10 + i % 7 * 0.1 + 0.05, 47.05 + i // 13 * 0.1) for i in range(60)]
    order = list(range(60))
    random.shuffle(order)
    settings = PlotFoldSettings(folds=4, seed=seed, balance="labels")

    def folds(index):
        longitude, latitude = zip(*(places[i] for i in index), strict=True)
        labels = [["R22"] if i % 3 else ["T17"] for i in index]
        made = make_plots(*[{"a": 1}] * 60, labels=labels, longitude=longitude, latitude=latitude)
        return fold_of_plots(made, settings)

    assert folds(order).tolist() == folds(range(60))[order].tolist()


def test_another_seed_deals_otherwise(scattered):
    plots = scattered(300)
    first, again, other = (fold_of_plots(plots, PlotFoldSettings(seed=s)) for s in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_fewer_blocks_than_folds_are_refused(make_plots):
    plots = make_plots(*[{"a": 1}] * 3, site=["x", "x", "y"])
    with pytest.raises(InputError, match=r"3 plots lie in 2 blocks \(site\), fewer than 3 folds"):
        fold_of_plots(plots, BY_SITE)


def test_plots_without_a_place_are_in_no_block(make_plots):
    plots = make_plots({"a": 1}, {"a": 1}, longitude=[10, np.nan], latitude=[47, 47])
    with pytest.raises(InputError, match="1 of 2 plots have no coordinates, p1"):
        fold_of_plots(plots, PlotFoldSettings(folds=2))


def test_an_unknown_projection_is_refused(make_plots):
    plots = make_plots({"a": 1}, longitude=[10], latitude=[47])
    with pytest.raises(InputError, match="CRS 'EPSG:0' of blocks"):
        blocks_of_plots(plots, PlotFoldSettings(blocks="metres", crs="EPSG:0"))
