import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.habitats.ensemble.uncertainty import definitions, of_winner, spread

pytestmark = pytest.mark.trust

LEARNERS, FOLDS = ["rf", "rf", "xgb", "xgb"], [0, 1, 0, 1]


def test_spreads_by_hand():
    given_to_winner = np.array([[0.2], [0.4], [0.6], [1.0]])
    knows = np.ones((4, 1), bool)
    # Learners say 0.3 and 0.8 on average, folds 0.4 and 0.7.
    np.testing.assert_allclose(spread(given_to_winner, knows, LEARNERS), [0.25])
    np.testing.assert_allclose(spread(given_to_winner, knows, FOLDS), [0.15])


def test_voters_that_do_not_know_the_class_do_not_count():
    knows = np.array([[True], [False], [True], [False]])
    given_to_winner = np.array([[0.2], [0.9], [0.6], [0.9]])
    np.testing.assert_allclose(spread(given_to_winner, knows, LEARNERS), [0.2])
    # One fold is left, and one alone does not differ.
    np.testing.assert_allclose(spread(given_to_winner, knows, FOLDS), [0.0])


@given(st.integers(0, 500))
def test_equals_numpy_where_all_know_all(seed):
    votes = np.random.default_rng(seed).random((6, 10, 3))
    winner = votes.mean(axis=0).argmax(axis=1)
    of = of_winner(votes, winner)
    np.testing.assert_array_equal(of[4], votes[4][np.arange(10), winner])
    learners, folds = [0, 0, 0, 1, 1, 1], [0, 1, 2] * 2
    cube = of.reshape(2, 3, 10)
    knows = np.ones_like(of, bool)
    np.testing.assert_allclose(
        spread(of, knows, learners), cube.mean(axis=1).std(axis=0), atol=1e-12
    )
    np.testing.assert_allclose(spread(of, knows, folds), cube.mean(axis=0).std(axis=0), atol=1e-12)


def test_definitions_say_what_the_committee_is_a_share_of():
    assert "voters whose training had the class" in definitions("knowing")["committee"]["comment"]
    assert "all voters" in definitions("all")["committee"]["comment"]
    assert {each["units"] for each in definitions("all").values()} == {"percent"}
    assert set(definitions("all")) == {"confidence", "committee", "model_spread", "sampling_spread"}
