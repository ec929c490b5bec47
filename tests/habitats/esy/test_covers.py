from math import prod, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from biomap_xr.habitats.esy.covers import Covers, Plan, highest_rivals, log_uncovered
from biomap_xr.habitats.esy.terms import EVERY, Amount, Species, Statistic

NAMES = ("a", "b", "c")
PAIR = Species(frozenset({"a", "b", "not here"}))
REST = Species(frozenset({"a", "b"}), others=True)
WANTED = tuple(
    Amount(statistic, species) for statistic in Statistic for species in (PAIR, REST, EVERY)
)
COVER = st.one_of(st.just(0.0), st.just(100.0), st.floats(0.01, 100).map(lambda x: round(x, 2)))


def expected(statistic, covers):
    """Do what the language says in plain Python."""
    present = [cover for cover in covers if cover > 0]
    return {
        Statistic.TOTAL: round((1 - prod(1 - cover / 100 for cover in present)) * 100, 10),
        Statistic.ROOTS: round(sum(map(sqrt, present)), 5),
        Statistic.SUM: sum(present),
        Statistic.COUNT: len(present),
        Statistic.HIGHEST: max(present, default=0),
    }[statistic]


def carried_out(rows, amounts=WANTED, names=NAMES):
    table = csr_array(np.array(rows, np.float32))
    covers = Covers.of(table, np.arange(len(names)), len(names))
    return Plan.of(amounts, names).carry_out(covers)


@given(st.lists(st.tuples(COVER, COVER, COVER), min_size=1, max_size=4))
def test_amounts_are_those_of_plain_python(rows):
    found = carried_out(rows)
    for amount, values in zip(WANTED, found, strict=True):
        for row, value in zip(rows, values, strict=True):
            chosen = {id(PAIR): row[:2], id(REST): row[2:], id(EVERY): row}[id(amount.species)]
            assert value == pytest.approx(expected(amount.statistic, chosen), abs=2e-5)
            if amount.statistic is Statistic.TOTAL:
                assert value == pytest.approx(expected(amount.statistic, chosen), abs=2e-10)


def test_total_cover_by_hand():
    half = Amount(Statistic.TOTAL, EVERY, percent=50)
    found = carried_out([[50, 50, 0], [20, 0, 0], [100, 100, 3]], (WANTED[2], half))
    assert found.tolist() == [[75, 20, 100], [37.5, 10, 50]]


def test_layers_of_one_name_overlap_and_count_once():
    names, column = ("x", "y"), np.array([0, 0, 1])
    covers = Covers.of(csr_array(np.array([[50, 50, 10]], np.float32)), column, 2)
    wanted = [Amount(statistic, EVERY) for statistic in (Statistic.COUNT, Statistic.HIGHEST)]
    assert Plan.of(wanted, names).carry_out(covers).tolist() == [[2], [75]]


def test_a_name_may_stand_in_several_columns():
    wanted = [Amount(Statistic.COUNT, Species(frozenset({"x"})))]
    assert carried_out([[1, 1, 1]], wanted, ("x", "x", "y")).tolist() == [[2]]


def test_absent_species_count_only_when_asked_for():
    covers = Covers.of(csr_array(np.array([[1, 0, 0]], np.float32)), np.arange(3), 3)
    wanted = [Amount(Statistic.COUNT, PAIR), Amount(Statistic.ROOTS, PAIR)]
    found = Plan.of(wanted, NAMES).carry_out(covers, np.ones(3))
    assert found.tolist() == [[2], [1]]


def test_equal_covers_stored_as_float32_compare_as_equal():
    a, b = (Amount(Statistic.TOTAL, Species(frozenset({name}))) for name in "ac")
    found = carried_out([[0.1, 0, 0.1], [33.3, 0, 33.3]], (a, b))
    assert (found[0] == found[1]).all()
    assert found[0].tolist() == [0.1, 33.3]


def test_full_cover_leaves_nothing_open():
    assert log_uncovered(np.array([0.0, 100.0])).tolist() == [0, -np.inf]


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=5))
def test_highest_rival_is_the_best_of_the_others(rows):
    table = np.array(rows, float)
    found = highest_rivals(table)
    for place in range(len(rows)):
        others = np.delete(table, place, axis=0).tolist() or [[0.0] * 3]
        assert found[place].tolist() == [max(column) for column in zip(*others, strict=True)]


def test_no_plots_and_no_species():
    assert carried_out(np.zeros((0, 3))).shape == (len(WANTED), 0)
    assert carried_out(np.zeros((2, 0)), names=()).tolist() == [[0, 0]] * len(WANTED)
