import json

import numpy as np
import pytest
from scipy.special import softmax

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.learners.perceptron import (
    CARD,
    WEIGHTS,
    Perceptron,
    fit_perceptron,
)
from biomap_xr.habitats.ensemble.learners.protocol import Means
from biomap_xr.habitats.ensemble.learners.settings import PerceptronSettings

SETTINGS = PerceptronSettings(architecture=(16,), batch=64, epochs=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def fitted(numbers):
    return fit_perceptron(numbers, numbers, SETTINGS, Means())


def test_reload_gives_the_same_bit_by_bit(fitted, numbers):
    again = Perceptron.from_files(fitted.to_files())
    np.testing.assert_array_equal(
        again.probabilities(numbers.columns, 1), fitted.probabilities(numbers.columns, 1)
    )
    assert again.to_files() == fitted.to_files()
    assert again.summary() == fitted.summary()


def test_temperature_is_stored_and_multiplies(fitted, numbers):
    again = Perceptron.from_files(fitted.to_files())
    assert again.temperature == fitted.temperature != 1.0
    np.testing.assert_allclose(
        again.probabilities(numbers.columns, 1),
        softmax(again.temperature * again.logits(numbers.columns).astype(np.float64), axis=1),
    )


@pytest.mark.parametrize(("imbalance", "expected"), [("ldam", 30.0), ("focal", 1.0)])
def test_without_held_out_rows_it_is_what_the_loss_trained_at(numbers, imbalance, expected):
    settings = SETTINGS.model_copy(update={"imbalance": imbalance, "epochs": 1})
    assert fit_perceptron(numbers, None, settings, Means()).temperature == expected


def test_temperature_can_be_left_out(numbers):
    settings = SETTINGS.model_copy(update={"temperature": False, "imbalance": "none", "epochs": 1})
    assert fit_perceptron(numbers, numbers, settings, Means()).temperature == 1.0


def test_missing_and_damaged_files_are_told(fitted):
    files = fitted.to_files()
    card = json.loads(files[CARD])
    with pytest.raises(InputError, match=f"expected {CARD}"):
        Perceptron.from_files({WEIGHTS: files[WEIGHTS]})
    with pytest.raises(CorruptError, match="do not make a network"):
        Perceptron.from_files(files | {WEIGHTS: files[WEIGHTS][:-3]})
    for broken in (
        card | {"settings": {}},
        card | {"shape": {"numeric": 3}},
        {name: part for name, part in card.items() if name != "temperature"},
        card | {"shape": card["shape"] | {"classes": 9}},
    ):
        # A perceptron of default settings is another network, too.
        with pytest.raises(CorruptError, match="do not make a network"):
            Perceptron.from_files(files | {CARD: json.dumps(broken).encode()})
