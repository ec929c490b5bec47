import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble import prediction
from biomap_xr.habitats.ensemble.prediction import NO_CLASS, predict_formation
from biomap_xr.habitats.ensemble.uncertainty import of_winner

SIDE = (21, 34)


@pytest.fixture(scope="module")
def predictors():
    """A raster (feature, y, x) of climate in blocks, rough ground and patchy soil."""
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.normal(size=(3, 4)), np.ones((10, 10)))[: SIDE[0], : SIDE[1]]
    raster = np.stack(
        [
            blocks,
            rng.normal(size=SIDE),
            rng.uniform(0, 360, SIDE),
            np.kron(rng.choice([2, 3, 5, 8], (11, 17)), np.ones((2, 2)))[: SIDE[0], : SIDE[1]],
        ]
    ).astype(np.float32)
    raster[:, :4, :5] = np.nan  # sea
    raster[1, 10] = np.nan  # a missing predictor
    return raster


@pytest.fixture(scope="module")
def whole(trained, predictors):
    return predict_formation(trained.ensemble, predictors)


def test_equals_a_plain_loop_over_voters(trained, predictors, whole):
    ensemble = trained.ensemble
    values = predictors.reshape(4, -1).T
    there = ~np.isnan(values).all(axis=1)
    votes = np.array([voter.learner.predict_proba(values[there]) for voter in ensemble.voters])
    weights = np.array([ensemble.weights[name] / 3 for name in ensemble.learners])
    mean = np.tensordot(weights, votes, axes=1)
    probability = whole.probability.reshape(4, -1).T
    np.testing.assert_allclose(probability[there], mean, atol=1e-6)
    assert np.isnan(probability[~there]).all()
    winner = mean.argmax(axis=1)
    np.testing.assert_array_equal(whole.winner.reshape(-1)[there], winner)
    assert (whole.winner.reshape(-1)[~there] == NO_CLASS).all()
    np.testing.assert_allclose(
        whole.confidence.reshape(-1)[there], 100 * mean.max(axis=1), atol=1e-4
    )
    share = 100 * (votes.argmax(axis=2) == winner).mean(axis=0)
    np.testing.assert_allclose(whole.committee.reshape(-1)[there], share, atol=1e-4)
    cube = of_winner(votes, winner).reshape(3, 3, -1)
    for measure, axis in (("model_spread", 1), ("sampling_spread", 0)):
        expected = 100 * cube.mean(axis=axis).std(axis=0)
        np.testing.assert_allclose(getattr(whole, measure).reshape(-1)[there], expected, atol=1e-3)


def test_blocks_and_threads_do_not_matter(trained, predictors, whole, monkeypatch):
    monkeypatch.setattr(prediction, "BLOCK", 100)
    cut = predict_formation(trained.ensemble, predictors, threads=2)
    np.testing.assert_allclose(cut.probability, whole.probability, atol=1e-6)
    np.testing.assert_array_equal(cut.winner, whole.winner)


def test_a_table_of_rows_is_a_raster_in_one_line(trained, predictors, whole):
    rows = np.ascontiguousarray(predictors.reshape(4, -1).T)
    flat = predict_formation(trained.ensemble, rows)
    assert flat.probability.shape == (4, SIDE[0] * SIDE[1])
    expected = whole.probability.reshape(4, -1)
    np.testing.assert_allclose(flat.probability, expected, atol=1e-6)


def test_cells_that_are_not_wanted_cost_nothing(trained, predictors, whole, monkeypatch):
    wanted = np.zeros(SIDE, bool)
    wanted[6:9, 20:30] = True
    seen = []
    ensemble = trained.ensemble
    plain = type(ensemble).probabilities

    def spied(self, values):
        seen.append(len(values))
        return plain(self, values)

    monkeypatch.setattr(type(ensemble), "probabilities", spied)
    some = predict_formation(ensemble, predictors, wanted=wanted)
    assert sum(seen) == 30
    np.testing.assert_allclose(some.probability[:, wanted], whole.probability[:, wanted], atol=1e-6)
    assert np.isnan(some.probability[:, ~wanted]).all()
    assert (some.winner[~wanted] == NO_CLASS).all()
    seen.clear()
    nobody = predict_formation(ensemble, predictors, allowed=np.zeros((4, *SIDE), bool))
    assert not seen
    assert np.isnan(nobody.confidence).all()


def test_masks_restrict_the_winner_and_its_measures(trained, predictors, whole):
    allowed = np.ones((4, *SIDE), bool)
    there = whole.winner >= 0
    np.put_along_axis(allowed, whole.winner.clip(0)[None].astype(np.int64), False, axis=0)
    masked = predict_formation(trained.ensemble, predictors, allowed=allowed)
    np.testing.assert_allclose(masked.probability, whole.probability, atol=1e-6)
    second = np.sort(whole.probability, axis=0)[-2]
    np.testing.assert_allclose(masked.confidence[there], 100 * second[there], atol=1e-3)
    assert (masked.winner != whole.winner)[there].all()


def test_shapes_that_do_not_fit(trained, predictors):
    with pytest.raises(InputError, match=r"predictors have the shape \(3, 21, 34\), expected \(4"):
        predict_formation(trained.ensemble, predictors[:3])
    with pytest.raises(InputError, match=r"wanted has the shape \(21, 33\)"):
        predict_formation(trained.ensemble, predictors, wanted=np.ones((21, 33), bool))
    with pytest.raises(InputError, match=r"allowed has the shape \(3, 21, 34\)"):
        predict_formation(trained.ensemble, predictors, allowed=np.ones((3, *SIDE), bool))
