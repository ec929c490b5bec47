import numpy as np
import pytest

from biomap_xr.habitats.esy.priorities import Decision, decide
from biomap_xr.habitats.esy.reading import Rule


def rules(*written):
    """Make rules from words such as ``2R1A!``."""
    return [Rule(int(each[0]), each[1:].split("!")[0], each[1:], "", (0,)) for each in written]


def code(hits, written, **options):
    found = decide(np.array(hits, bool)[:, None], rules(*written), **options)
    return found.code[0], int(found.rule[0]), int(found.priority[0])


@pytest.mark.parametrize(
    ("hits", "written", "expected"),
    [
        ([0, 0], ["1R", "2R22"], ("?", -1, -1)),
        ([1, 0], ["1R", "2R22"], ("R", 0, 1)),
        ([1, 1], ["1R", "2R22"], ("R22", 1, 2)),
        ([1, 1, 1], ["1R", "2R22", "2R1A"], ("R", 0, 1)),
        ([0, 1, 1], ["1R", "2R22", "2R1A"], ("+", -1, -1)),
        ([1, 1, 1, 1], ["1R", "2R22", "3R1A", "3T11"], ("R22", 1, 2)),
        # Two variants of one habitat are no tie.
        ([1, 1, 1], ["1R", "2R1A", "2R1A!"], ("R1A", 1, 2)),
        ([1, 1, 1], ["2R22", "4R1A!", "2R1A"], ("R1A", 1, 4)),
    ],
)
def test_first_priority_with_one_habitat_decides(hits, written, expected):
    assert code(hits, written) == expected


def test_without_descent_a_tie_at_the_top_stays_one():
    tied = [1, 1, 1], ["1R", "2R22", "2R1A"]
    assert code(*tied, descend=False) == ("+", -1, -1)
    assert code([1, 1, 0], tied[1], descend=False) == ("R22", 1, 2)


def test_each_plot_is_decided_by_itself():
    hits = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], bool)
    assert decide(hits, rules("1R", "2R22")).code.tolist() == ["R", "R22", "R22", "?"]
    assert decide(hits[:, :0], rules("1R", "2R22")).code.tolist() == []


def test_blocks_of_plots_join_to_one_decision():
    hits = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], bool)
    whole = decide(hits, rules("1R", "2R22"))
    joined = Decision.joined([decide(hits[:, :3], rules("1R", "2R22"))] * 2)
    assert joined.code.tolist() == whole.code[:3].tolist() * 2
    assert joined.rule.tolist() == whole.rule[:3].tolist() * 2
    assert joined.priority.dtype == whole.priority.dtype
    assert len(Decision.joined([]).code) == 0
