import numpy as np
import pytest

from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Receipt
from biomap_xr.run.plan import Plan


def receipt(tile, fingerprint, cells):
    statistics = {
        "cells": cells,
        "moved": 1,
        "richness": 2.0 * cells,
        "stored_richness": 1.9 * cells,
        "occupied": [float(cells), 0.0],
    }
    return Receipt(
        program="maps",
        tile=tile,
        fingerprint=fingerprint,
        statistics=statistics,
        seconds=1,
        attempt=1,
    )


def test_tiles_of_one_fingerprint_add_up(tmp_path):
    workspace = Workspace(tmp_path)
    for tile, fingerprint, cells in (("a", "x", 10), ("b", "x", 30), ("c", "y", 500)):
        workspace.ledger("maps").write(receipt(tile, fingerprint, cells))
    sums = MapSums.of(workspace, "x")
    assert (sums.tiles, sums.cells, sums.moved) == (2, 40, 2)
    assert sums.lost == pytest.approx(0.05)
    np.testing.assert_array_equal(sums.occupied, [40, 0])


def test_by_default_the_latest_plan_says_which_receipts_count(tmp_path):
    workspace = Workspace(tmp_path)
    for tile, fingerprint, cells in (("a", "new", 10), ("b", "old", 30)):
        workspace.ledger("maps").write(receipt(tile, fingerprint, cells))
    Plan(2, "new").write(workspace.plan("maps"))
    assert MapSums.of(workspace).cells == 10


def test_a_run_without_maps_sums_to_nothing(tmp_path):
    sums = MapSums.of(Workspace(tmp_path))
    assert (sums.tiles, sums.lost) == (0, 0.0)
