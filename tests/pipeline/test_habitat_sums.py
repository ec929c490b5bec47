from collections import Counter

import pytest
from made_habitats import receive

from biomap_xr.pipeline.habitat_sums import SpeciesSums, wall_to_wall_cells
from biomap_xr.pipeline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def test_tiles_add_up(workspace):
    said = {"habitat_cells": [5.0, 0.0, 2.0], "sentences": 7.0, "distinct_sentences": 3.0}
    receive(workspace, "maps", said, "a")
    receive(workspace, "maps", said, "b")
    # A tile of open sea says nothing, and one of a former program does not count.
    receive(workspace, "maps", {}, "sea")
    receive(workspace, "maps", {"habitat_cells": [9.0]}, "old", fingerprint="former")
    found = SpeciesSums.of(workspace)
    assert found.by_code(["R22", "R35", "T17"]) == {"R22": 10, "R35": 0, "T17": 4}
    assert (found.sentences, found.distinct) == (14, 6)


def test_a_run_without_maps_has_no_cells(workspace):
    assert SpeciesSums.of(workspace) == SpeciesSums()
    assert wall_to_wall_cells(workspace) == Counter()


def test_numbers_of_the_dominant_habitat_add_up(workspace):
    receive(workspace, "wall_to_wall", {"numbers": [100.0, 5202.0], "cells": [4.0, 6.0]}, "a")
    receive(workspace, "wall_to_wall", {"numbers": [5202.0], "cells": [1.0]}, "b")
    receive(workspace, "wall_to_wall", {"seconds": 1.0}, "old")
    assert wall_to_wall_cells(workspace) == Counter({5202: 7, 100: 4})
