import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from biomap_xr.errors import InputError
from biomap_xr.species.settings import ThresholdSettings
from biomap_xr.species.thresholds import (
    best_f_by_species,
    best_f_global,
    choose,
    conformal,
    conformal_threshold,
)

pytestmark = pytest.mark.trust


def _surveys(seed: int, sites: int, species: int, levels: int | None = None):
    generator = np.random.default_rng(seed)
    probability = generator.beta(0.5, 2, (sites, species))
    presence = generator.random((sites, species)) < probability
    if levels is not None:
        probability = np.round(probability * levels) / levels
    return probability, presence


def _mean_f(probability: np.ndarray, presence: np.ndarray, threshold: float) -> float:
    return f1_score(presence, probability >= threshold, average="samples", zero_division=0)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([None, 5, 20]))
def test_global_f_equals_brute_force_over_all_thresholds(seed: int, levels: int | None) -> None:
    probability, presence = _surveys(seed, 8, 12, levels)
    presence[0, 0] = True
    best = max(_mean_f(probability, presence, value) for value in np.unique(probability))
    chosen = best_f_global(probability, presence)
    assert _mean_f(probability, presence, chosen) == pytest.approx(best, abs=1e-9)
    assert chosen in probability[presence]


def test_species_f_equals_brute_force() -> None:
    probability, presence = _surveys(3, 60, 9, levels=30)
    own = best_f_by_species(probability, presence, ThresholdSettings(minimum_f_presences=1), 0.5)
    for column in range(9):
        truth, values = presence[:, column], probability[:, column]
        best = max(f1_score(truth, values >= value, zero_division=0) for value in np.unique(values))
        assert f1_score(truth, values >= own[column], zero_division=0) == pytest.approx(best)


def test_a_species_hardly_found_takes_the_global_f_threshold() -> None:
    presence = np.zeros((10, 2), bool)
    presence[:5, 0] = presence[:4, 1] = True
    probability = np.linspace(1, 0, 20).reshape(10, 2)
    own = best_f_by_species(probability, presence, ThresholdSettings(minimum_f_presences=5), 0.77)
    assert own[1] == 0.77
    assert own[0] == probability[4, 0]


@pytest.mark.parametrize(
    ("count", "omission", "rank"),
    [(9, 0.1, 1), (8, 0.1, 0), (99, 0.29, 29), (20, 0.0, 0), (5, 0.5, 3)],
)
def test_the_conformal_rank_by_hand(count: int, omission: float, rank: int) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, count + 1) / 1000)
    assert conformal_threshold(values, omission) == rank / 1000


def test_no_presence_keeps_everything() -> None:
    assert conformal_threshold(np.empty(0), 0.1) == 0.0


@pytest.mark.parametrize(("count", "omission"), [(20, 0.1), (35, 0.05), (12, 0.3)])
def test_realised_omission_stays_below_the_level_in_expectation(count, omission) -> None:
    generator = np.random.default_rng(5)
    trials = 4000
    calibration = generator.beta(2, 5, (trials, count))
    thresholds = np.array([conformal_threshold(row, omission) for row in calibration])
    missed = (generator.beta(2, 5, (trials, 50)) < thresholds[:, None]).mean()
    noise = 3 * 0.5 / np.sqrt(trials)
    assert omission - 1.5 / (count + 1) - noise < missed <= omission + noise


def test_species_with_too_few_presences_are_pooled_and_said_to_be() -> None:
    probability, presence = _surveys(1, 200, 4)
    presence[:, 2] = False
    presence[:19, 1], presence[19:, 1] = True, False
    own, pooled = conformal(probability, presence, ThresholdSettings(minimum_presences=20))
    assert pooled.tolist() == [False, True, True, False]
    general = conformal_threshold(probability[presence], 0.1)
    assert own[1] == own[2] == general
    assert own[0] == conformal_threshold(probability[presence[:, 0], 0], 0.1)


def test_all_thresholds_and_how_they_were_chosen() -> None:
    probability, presence = _surveys(2, 100, 6)
    chosen = choose(probability.astype(np.float32), presence, ThresholdSettings(omission=0.2))
    assert len(chosen.f_score) == len(chosen.conformal) == len(chosen.pooled) == 6
    assert (chosen.omission, chosen.surveys) == (0.2, 100)
    assert "a = 0.2" in chosen.method
    missed = (probability.astype(np.float32)[presence] < chosen.conformal_pooled).mean()
    assert missed <= 0.2


def test_float32_ties_at_the_threshold_are_kept() -> None:
    probability = np.array([[0.1, 0.3], [0.7, 0.3]], np.float32)
    threshold = best_f_global(probability, np.array([[False, True], [False, True]]))
    assert (probability >= threshold).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize(
    ("probability", "presence", "message"),
    [
        (np.zeros((2, 3)), np.ones((2, 2), bool), r"shape \(2, 3\), presences \(2, 2\)"),
        (np.full((2, 2), np.nan), np.ones((2, 2), bool), "4 probabilities such as nan"),
        (np.full((2, 2), 1.5), np.ones((2, 2), bool), r"such as 1\.5 are not in 0\.\.1"),
        (np.zeros((2, 2)), np.zeros((2, 2), bool), "0 presences in 2 surveys"),
    ],
)
def test_impossible_calibration_is_refused(probability, presence, message) -> None:
    with pytest.raises(InputError, match=message):
        choose(probability, presence, ThresholdSettings())
