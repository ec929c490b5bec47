import numpy as np
import pytest

from biomap_xr.habitats.ensemble.voters import Voter


def test_tables_say_what_learners_say(trained, observations):
    values = observations.rows.values[:130]
    votes = trained.ensemble.probabilities(values)
    assert votes.shape == (9, 130, 4)
    for place, voter in enumerate(trained.ensemble.voters):
        found = votes[place][:, trained.ensemble.known[place]]
        np.testing.assert_allclose(found, voter.learner.predict_proba(values), atol=1e-6)


def test_perceptrons_have_no_table(trained):
    has = {voter.learner.family: voter.table is not None for voter in trained.ensemble.voters}
    assert has == {"bagging": True, "boosting": True, "perceptron": False}


def test_equal_preparations_are_made_once(trained):
    groups = trained.ensemble.preparations
    assert sorted(place for _, places in groups for place in places) == list(range(9))
    assert len({preparation.model_dump_json() for preparation, _ in groups}) == len(groups)
    # XGBoost's and LightGBM's are fitted to nothing, so that all folds have the same.
    styles = [preparation.style for preparation, _ in groups]
    assert styles.count("xgboost") + styles.count("lightgbm") == 1


def test_voters_of_a_fold_keep_the_weights(trained):
    alone = trained.ensemble.of_fold(1)
    assert alone.folds == (1, 1, 1)
    assert alone.voter_weights.sum() == pytest.approx(1)
    assert dict(zip(alone.learners, alone.voter_weights, strict=True)) == pytest.approx(
        dict(trained.ensemble.weights)
    )


def test_classes_that_a_voter_does_not_know_have_no_probability(trained):
    ensemble = trained.ensemble
    learner = ensemble.voters[0].learner
    assert Voter(learner, 0).name == learner.name
    assert ensemble.known.shape == (9, 4)
    assert ensemble.known.all()
