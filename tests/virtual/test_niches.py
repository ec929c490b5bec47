import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.drivers import chosen_of, sample_of
from biomap_xr.virtual.niches import (
    COMMONEST,
    MODALITIES,
    RAREST,
    expected_auc,
    feature_names,
    features_in,
    features_of,
    offsets_for,
)
from biomap_xr.virtual.settings import VirtualSettings


def test_features_are_drivers_and_their_squares() -> None:
    drivers = np.arange(16, dtype=np.float32).reshape(8, 2)
    features = features_of(drivers)
    assert len(features) == len(feature_names()) == 15
    np.testing.assert_array_equal(features[:8], drivers)
    np.testing.assert_array_equal(features[8:14], drivers[:6] ** 2)
    np.testing.assert_array_equal(features[14], drivers[7] ** 2)


def test_every_feature_belongs_to_one_modality() -> None:
    chosen = np.concatenate([features_in(name) for name in MODALITIES])
    assert sorted(chosen) == list(range(15))


def test_expected_auc_is_the_mean_auc_over_draws() -> None:
    random = np.random.default_rng(1)
    score = random.normal(size=(150, 1)).astype(np.float32)
    probability = expit(2 * score - 0.5)
    drawn = [roc_auc_score(random.random(150) < probability[:, 0], score[:, 0]) for _ in range(400)]
    assert abs(expected_auc(score, probability)[0] - np.mean(drawn)) < 0.005


def test_offsets_give_the_mean_probability() -> None:
    logit = np.random.default_rng(2).normal(0, 4, (500, 3)).astype(np.float32)
    wanted = np.array([0.002, 0.1, 0.5], np.float32)
    found = expit(logit + offsets_for(logit, wanted)).mean(axis=0)
    np.testing.assert_allclose(found, wanted, rtol=0.01)


@pytest.mark.parametrize(
    ("seed", "tile", "skill"), [(0, 2_500.0, 0.915), (1, 1_000.0, 0.915), (2, 10_000.0, 0.88)]
)
def test_truth_has_the_wanted_skill_and_no_modality_all_of_it(
    seed: int, tile: float, skill: float
) -> None:
    settings = VirtualSettings(seed=seed, tile=tile, species=80, skill=skill)
    assemblage = Assemblage.of(settings)
    places = sample_of(settings)
    land = chosen_of(places, assemblage.world.terrain.at(places).land)
    features = assemblage.features(land)
    probability = assemblage.draw(land, features).probability.T
    full = expected_auc((assemblage.niches.weights @ features).T, probability).mean()
    assert abs(full - skill) < 0.01
    for name in ("sentinel2", "landsat", "climate"):
        alone = expected_auc(assemblage.part(features, name).T, probability).mean()
        assert alone > 0.6
        assert alone - 0.5 < 0.85 * (full - 0.5)


def test_prevalence_and_richness_are_as_wanted(assemblage: Assemblage) -> None:
    niches, settings = assemblage.niches, assemblage.world.settings
    assert abs(niches.prevalence.sum() - settings.mean_richness) < 0.05 * settings.mean_richness
    assert niches.prevalence.min() >= RAREST
    assert niches.prevalence.max() <= COMMONEST


def test_loadings_leave_something_to_every_species(assemblage: Assemblage) -> None:
    shared = (assemblage.niches.loadings**2).sum(axis=1)
    assert shared.max() <= assemblage.world.settings.residual + 1e-6
    assert shared.min() > 0
