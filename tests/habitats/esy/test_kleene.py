from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.habitats.esy.formulas import read_formula
from biomap_xr.habitats.esy.kleene import (
    FALSE,
    TRUE,
    UNKNOWN,
    both,
    but_not,
    either,
    evaluate,
    truth,
)

# Python's own words for the three values: None is unknown.
MEANING = {False: FALSE, None: UNKNOWN, True: TRUE}
VALUES = st.sampled_from([FALSE, UNKNOWN, TRUE])


def formulas():
    leaf = st.integers(0, 3).map(lambda number: f"<{number}>")
    operator = st.sampled_from(["AND", "OR", "NOT"])
    return st.recursive(
        leaf,
        lambda inner: st.tuples(inner, operator, inner).map(lambda parts: f"({' '.join(parts)})"),
        max_leaves=8,
    )


@pytest.mark.parametrize(("a", "b"), list(product(MEANING, MEANING)))
def test_tables_are_those_of_kleene(a, b):
    conjunction = False if False in (a, b) else None if None in (a, b) else True
    disjunction = True if True in (a, b) else None if None in (a, b) else False
    assert both(MEANING[a], MEANING[b]) == MEANING[conjunction]
    assert either(MEANING[a], MEANING[b]) == MEANING[disjunction]


@given(VALUES, VALUES)
def test_de_morgan_holds(a, b):
    not_a, not_b = but_not(TRUE, a), but_not(TRUE, b)
    assert but_not(TRUE, both(a, b)) == either(not_a, not_b)
    assert but_not(a, b) == both(a, not_b)
    assert but_not(TRUE, not_a) == a


@given(formulas(), st.lists(VALUES, min_size=4, max_size=4))
def test_what_is_decided_stays_so_whatever_the_unknown_turn_out_to_be(text, values):
    formula = read_formula(text, int)
    found = evaluate(formula, [np.array([value]) for value in values])[0]
    completions = product(*[(FALSE, TRUE) if each == UNKNOWN else (each,) for each in values])
    outcomes = {
        int(evaluate(formula, [np.array([value]) for value in each])[0]) for each in completions
    }
    assert found == UNKNOWN or outcomes == {int(found)}


@given(formulas(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_known_values_follow_the_logic_of_python(text, values):
    formula = read_formula(text, int)
    found = evaluate(formula, [truth(np.array([value])) for value in values])
    program = text.replace("NOT", "and not").replace("AND", "and").replace("OR", "or")
    for number, value in enumerate(values):
        program = program.replace(f"<{number}>", str(value))
    assert found.tolist() == [int(TRUE if eval(program) else FALSE)]


def test_truth_is_unknown_where_it_is_not_known():
    found = truth(np.array([True, False]), np.array([False, False]))
    assert found.dtype == np.uint8
    assert found.tolist() == [1, 1]
