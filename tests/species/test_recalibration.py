import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from biomap_xr.errors import InputError
from biomap_xr.species.recalibration import Rescaling, fit_rescaling, rescale


@pytest.fixture
def drawn():
    generator = np.random.default_rng(2)
    true = generator.normal(-2, 1.5, (400, 30))
    return true, generator.random(true.shape) < expit(true)


def test_equals_logistic_regression_without_penalty(drawn):
    logit, presence = drawn
    found = fit_rescaling(1.7 * logit + 0.8, presence)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(
        (1.7 * logit + 0.8).reshape(-1, 1), presence.ravel()
    )
    assert found.scale == pytest.approx(reference.coef_[0, 0], rel=1e-3)
    assert found.shift == pytest.approx(reference.intercept_[0], rel=1e-3)


def test_afterwards_as_many_species_are_expected_as_were_found(drawn):
    logit, presence = drawn
    biased = 0.6 * logit + 0.5
    found = fit_rescaling(biased, presence)
    expected = expit(found.scale * biased + found.shift).sum()
    assert expected == pytest.approx(presence.sum(), rel=1e-4)
    assert expit(biased).sum() > 1.2 * presence.sum()


def test_the_head_takes_scale_and_shift_exactly(model, card, raw):
    model = model(card())
    inputs = {name: torch.from_numpy(values) for name, values in raw(3).items()}
    with torch.no_grad():
        before = model(inputs)
        after = rescale(model, Rescaling(0.5, -1.25))(inputs)
    torch.testing.assert_close(after, 0.5 * before - 1.25)


def test_surveys_without_any_presence_are_refused():
    with pytest.raises(InputError, match="3 surveys with 0 presences cannot recalibrate"):
        fit_rescaling(np.zeros((3, 2)), np.zeros((3, 2), bool))
