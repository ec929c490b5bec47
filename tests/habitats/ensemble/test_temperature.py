import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from biomap_xr.habitats.ensemble.temperature import (
    LIMITS,
    fit_temperature,
    negative_log_likelihood,
    tempered,
)


def drawn(temperature, rows=4000):
    """Give logits whose labels are drawn from softmax(temperature * logits)."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(rows, 4)).astype(np.float32)
    probability = softmax(temperature * logits, axis=1)
    draws = generator.random((rows, 1)) > probability.cumsum(axis=1)
    return logits, draws.sum(axis=1).clip(max=3)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_multiplier_is_found_again(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


def test_temperature_divides_where_it_should_soften():
    logits, labels = drawn(1.0)
    assert fit_temperature(30 * logits, labels) == pytest.approx(
        fit_temperature(logits, labels) / 30, rel=1e-3
    )


@given(st.floats(0.01, 50))
def test_no_other_temperature_is_likelier(other):
    logits, labels = drawn(2.0, rows=200)
    best = negative_log_likelihood(logits, labels, fit_temperature(logits, labels))
    assert best <= negative_log_likelihood(logits, labels, other) + 1e-9


@given(st.floats(*LIMITS))
def test_ranking_is_kept_and_rows_sum_to_1(temperature):
    logits = np.array([[0.0, 1.0, -2.0], [30.0, -30.0, 0.0]])
    probability = tempered(logits, temperature)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert (probability.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_rows_without_error_have_a_finite_temperature():
    assert np.isfinite(fit_temperature(np.eye(3), np.arange(3)))


def test_without_rows_nothing_changes():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, np.int64)) == 1.0


def test_likelihood_is_that_of_the_probabilities():
    logits, labels = drawn(1.0, rows=50)
    expected = -np.log(tempered(logits, 0.7)[np.arange(50), labels]).mean()
    assert negative_log_likelihood(logits, labels, 0.7) == pytest.approx(expected)
