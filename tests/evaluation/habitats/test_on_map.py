import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.on_map import MappedPlots, by_formation, evaluate_map

RANKS = np.array(
    [[7107, 7101, 5202, 100, 65_535], [5202, 7107, 65_535, 65_535, 65_535], [65_535] * 5], np.uint16
)
LABELS = (("T17",), ("T17", "R22"), ("R11",), ("R22",), ("T17",))


@pytest.fixture
def mapped():
    return MappedPlots(RANKS, LABELS)


def test_a_map_is_right_where_it_names_any_label_at_the_level(mapped):
    assert mapped.hits(3).tolist() == [1, 0, 0, 0, 0]
    assert mapped.hits(2).tolist() == [1, 1, 0, 0, 0]
    assert mapped.hits(1).tolist() == [1, 1, 1, 0, 0]
    assert mapped.top_hits().tolist() == [1, 1, 0, 0, 0]


def test_plots_on_no_habitat_count_as_wrong_and_are_said(mapped):
    row = evaluate_map("Elsewhere", mapped, np.array(["a", "a", "b", "b", "c"]))
    values = {each.name: each.value for each in row.measures}
    assert values == {"Level 1": 0.6, "Level 2": 0.4, "Level 3": 0.2, "Top-3": 0.4}
    assert row.measures[0].interval is not None
    assert row.note == "2 of 5 plots lie where the map has no habitat"


def test_plots_are_split_by_the_formations_that_they_bear(mapped):
    found = by_formation(mapped)
    assert {name: len(each.labels) for name, each in found.items()} == {"R": 3, "T": 3}
    assert found["T"].hits(3).tolist() == [1, 0, 0]


def test_ranks_belong_to_the_plots():
    with pytest.raises(InputError, match=r"shape \(3, 5\) and 4 plots"):
        MappedPlots(RANKS, LABELS[:4])
