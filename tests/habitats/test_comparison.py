from itertools import product

import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.comparison import Compared, compare, level_numbers, majority

NONE = 65_535


def test_a_coarse_class_says_nothing_of_finer_levels():
    numbers = np.array([7107, 7100, 7000, 100, NONE], np.uint16)
    assert level_numbers(numbers, 1).tolist() == [7000, 7000, 7000, NONE, NONE]
    assert level_numbers(numbers, 2).tolist() == [7100, 7100, NONE, NONE, NONE]
    assert level_numbers(numbers, 3).tolist() == [7107, NONE, NONE, NONE, NONE]


def test_the_majority_is_that_of_a_count_cell_by_cell():
    random = np.random.default_rng(0)
    points = random.choice(np.array([7107, 7101, 5202, NONE], np.uint16), (12, 20))
    number, share = majority(points, 4)
    for row, column in product(range(3), range(5)):
        cell = points[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].ravel().tolist()
        counts = {code: cell.count(code) for code in sorted(set(cell) - {NONE})}
        best = max(counts, key=lambda code: (counts[code], -code))
        assert (number[row, column], share[row, column]) == (best, counts[best] / 16)


RANKS = np.array([[[7107, 7101, 100, 5202]], [[7101, 7107, NONE, 7107]]], np.uint16)
# Four cells of 2 x 2 points: pure, of another level-3 class, forests of two kinds, mixed.
POINTS = np.array(
    [
        [7107, 7107, 7107, 7107, 7107, 7101, 5202, 7107],
        [7107, 7107, 7107, 7107, 7101, 7107, 8100, NONE],
    ],
    np.uint16,
)  # fmt: skip


def test_cells_are_counted_by_what_both_say():
    found = compare(RANKS, POINTS, subsamples=2, minimum_share=0.6)
    third = found[3]
    assert dict(third.pairs) == {(7107, 7107): 1, (7107, 7101): 1}
    assert (third.cells, third.mixed, third.among, third.without) == (2, 2, 2, 0)
    assert (third.accuracy, third.accuracy_among) == (0.5, 1.0)
    # Two kinds of one forest are one class at level 2, where our map has the sea: that is wrong.
    second = found[2]
    assert dict(second.pairs) == {(7100, 7100): 2, (7100, NONE): 1}
    assert (second.cells, second.without, second.mixed) == (3, 1, 1)
    assert second.accuracy == pytest.approx(2 / 3)
    lower = compare(RANKS, POINTS, subsamples=2, minimum_share=0.25)[1]
    assert (lower.cells, lower.mixed) == (4, 0)


def test_parts_add_up_however_they_are_cut():
    whole = compare(RANKS, POINTS, subsamples=2, minimum_share=0.25)
    first = compare(RANKS[..., :1], POINTS[:, :2], subsamples=2, minimum_share=0.25)
    rest = compare(RANKS[..., 1:], POINTS[:, 2:], subsamples=2, minimum_share=0.25)
    for level, one in whole.items():
        assert first[level] + rest[level] == one
        assert one + Compared() == one


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(2, 8\) points beside a map of \(1, 3\) cells"):
        compare(RANKS[..., :3], POINTS, subsamples=2, minimum_share=0.5)
