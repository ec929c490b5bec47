import numpy as np
from scipy.sparse import csr_array

from biomap_xr.species.calibration import calibrate
from biomap_xr.species.scoring import probabilities
from biomap_xr.species.settings import ThresholdSettings
from biomap_xr.species.thresholds import choose


def test_thresholds_of_the_chosen_surveys_are_kept_in_the_card(card, model, raw) -> None:
    net, inputs = model(card()), raw(30)
    presence = np.random.default_rng(0).integers(0, 2, (30, 7)).astype(np.uint8)
    indices, settings = np.arange(10, 30), ThresholdSettings(minimum_presences=5)
    calibrate(net, inputs, csr_array(presence), indices, settings)
    expected = choose(probabilities(net, inputs, indices), presence[indices] > 0, settings)
    assert net.card.thresholds == expected
    assert net.card.thresholds.surveys == 20
