import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.vote import (
    combine,
    committee,
    learner_weights,
    likeliest,
    voter_weights,
)

pytestmark = pytest.mark.trust


def test_rank_weights_by_hand():
    scores = {"wrf": 0.61, "xgb": 0.7, "lgbm": 0.5, "mlp": 0.65}
    found = learner_weights(scores, "rank")
    assert found == pytest.approx({"wrf": 0.2, "xgb": 0.4, "lgbm": 0.1, "mlp": 0.3})
    assert set(learner_weights(scores, "equal").values()) == {0.25}


def test_equal_scores_share_their_ranks():
    found = learner_weights({"a": 0.5, "b": 0.5, "c": 0.1}, "rank")
    assert found == pytest.approx({"a": 2.5 / 6, "b": 2.5 / 6, "c": 1 / 6})


def test_scores_that_cannot_be_ranked():
    with pytest.raises(InputError, match=r"\['xgb'\] have no score"):
        learner_weights({"wrf": 0.5, "xgb": float("nan")}, "rank")


def test_voters_of_a_learner_share_its_weight():
    found = voter_weights(["a"] * 5 + ["b"] * 5, {"a": 2 / 3, "b": 1 / 3})
    np.testing.assert_allclose(found, [2 / 15] * 5 + [1 / 15] * 5)


def test_combined_by_hand():
    # The second voter does not know class 2: class 2 is what the first says, then rows sum to 1.
    probability = np.array([[[0.2, 0.3, 0.5]], [[0.6, 0.4, 0.0]]])
    known = np.array([[True, True, True], [True, True, False]])
    found = combine(probability, known, np.array([0.75, 0.25]))
    mean = np.array([0.75 * 0.2 + 0.25 * 0.6, 0.75 * 0.3 + 0.25 * 0.4, 0.5])
    np.testing.assert_allclose(found[0], mean / mean.sum())


def test_a_class_that_nobody_knows_has_none():
    found = combine(np.array([[[0.4, 0.6, 0.0]]]), np.array([[True, True, False]]), np.ones(1))
    np.testing.assert_allclose(found, [[0.4, 0.6, 0.0]])


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(2, 7))
def test_a_vote_is_a_distribution_and_does_not_depend_on_the_order_of_voters(seed, voters, classes):
    rng = np.random.default_rng(seed)
    known = rng.random((voters, classes)) < 0.7
    known[:, 0] = True
    probability = rng.random((voters, 20, classes)) * known[:, None]
    probability /= probability.sum(axis=2, keepdims=True)
    weights = rng.random(voters) + 0.1
    found = combine(probability, known, weights)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    order = rng.permutation(voters)
    np.testing.assert_allclose(combine(probability[order], known[order], weights[order]), found)
    # Voters who all know everything and agree are all right.
    same = np.repeat(probability[:1], voters, axis=0)
    everything = np.ones_like(known)
    np.testing.assert_allclose(combine(same, everything, weights), same[0])


def test_committee_by_hand():
    choice = np.array([[0, 1], [0, 2], [1, 2], [0, 2]])
    known = np.array(
        [[True, True, False], [True, True, True], [False, True, True], [True, True, True]]
    )
    winner = np.array([0, 2])
    assert committee(choice, known, winner, "all").tolist() == [3 / 4, 3 / 4]
    # Class 0 is not known to the third voter, class 2 not to the first.
    assert committee(choice, known, winner, "knowing").tolist() == [1.0, 1.0]


def test_masks_restrict_what_wins():
    probability = np.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    allowed = np.array([[True, True, True], [True, False, True]])
    assert likeliest(probability, None).tolist() == [1, 1]
    assert likeliest(probability, allowed).tolist() == [1, 2]
    votes = np.stack([probability, probability[:, ::-1]])
    assert likeliest(votes, allowed).tolist() == [[1, 2], [1, 0]]
