"""Folds of one seed stay the same, version after version: models of old runs are scored on them."""

import hashlib

import numpy as np
import pytest

from biomap_xr.folds.blocks import block_folds, group_folds
from biomap_xr.folds.plots import fold_of_plots
from biomap_xr.folds.roles import split
from biomap_xr.folds.settings import BlockSettings, FoldSettings, PlotFoldSettings
from biomap_xr.grid import Points

pytestmark = pytest.mark.trust


def digest(*arrays):
    state = hashlib.sha256()
    for array in arrays:
        state.update(f"{array.dtype.kind}{array.shape}".encode())
        state.update("|".join(map(str, array.tolist())).encode())
    return state.hexdigest()[:12]


@pytest.fixture(scope="module")
def observed():
    random = np.random.default_rng(8)
    count = 3000
    # Clusters, as surveys have them, and classes from rare to frequent.
    centre = random.uniform(0, 1_200_000, (60, 2))[random.integers(0, 60, count)]
    x, y = (centre + random.normal(0, 20_000, (count, 2))).T + 3e6
    share = np.arange(1, 13) ** 2.0
    return Points(x, y), random.choice(12, count, p=share / share.sum())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "f33f00af17a6"),
        ({"seed": 5, "folds": 7}, "968713845db8"),
        ({"count": "presence"}, "0c285580c3a0"),
        ({"smallest": 1, "sides_m": (50_000, 10_000)}, "56e953ed3f07"),
    ],
)
def test_folds_of_blocks(observed, settings, expected):
    folds = block_folds(*observed, 12, BlockSettings(**settings))
    assert digest(folds.fold, folds.unit) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [("frequency", "cff8eb8f65dd"), ("presence", "d04f4df6f6d3")]
)
def test_folds_of_groups(observed, count, expected):
    points, label = observed
    folds = group_folds((points.x // 80_000), label, 12, BlockSettings(count=count))
    assert digest(folds.fold, folds.unit) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "2d3358e515c3"),
        ({"balance": "labels", "folds": 5, "seed": 4}, "0c71f7b12cac"),
        ({"blocks": "metres", "metres": 25_000, "balance": "labels"}, "121c8534d504"),
        ({"blocks": "site", "folds": 6}, "8a3ad7a1c607"),
    ],
)
def test_folds_of_plots(make_plots, settings, expected):
    random, count = np.random.default_rng(9), 1200
    labels = random.choice(["R22", "T17", "N1A", ""], count, p=[0.6, 0.25, 0.05, 0.1])
    plots = make_plots(
        *[{"a": 1}] * count,
        labels=[[label] if label else [] for label in labels],
        site=[f"s{number}" for number in random.integers(0, 90, count)],
        longitude=random.uniform(10, 12, count),
        latitude=random.uniform(46, 48, count),
    )
    assert digest(fold_of_plots(plots, PlotFoldSettings(**settings))) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "890061914b5f"),
        ({"method": "hash", "seed": 3}, "05f6c4083e04"),
        ({"buffer_m": 640.0, "unsurveyed": "train"}, "68acd9e59dd1"),
        ({"block_m": 25_000.0, "seed": 2}, "95a2fb7f1db2"),
    ],
)
def test_roles_of_sites(observed, settings, expected):
    points, label = observed
    roles = split(points, FoldSettings(**settings), label > 8)
    assert digest(*roles.indices().values()) == expected
