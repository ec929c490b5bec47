"""Niches of virtual species: a species' logit is an offset plus one part for each modality.

Every part is a quadratic function of that modality's drivers, so it is a weighted sum of features
(the drivers and their squares). Parts have mean zero over the land: without a part, its mean is
what remains.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from biomap_xr.virtual.drivers import DRIVERS, World, chosen_of, sample_of
from biomap_xr.virtual.noise import generator_of
from biomap_xr.virtual.settings import VirtualSettings

MODALITIES = ("sentinel2", "landsat", "climate", "predictors")
SHARES = {"sentinel2": 0.26, "landsat": 0.32, "climate": 0.36, "predictors": 0.06}
"""Mean share of each modality in the variance of a species' logit."""
EVENNESS = 14.0
"""The larger, the more alike the species are in what they depend on."""
LINEAR = ("disturbance",)
"""Drivers without a square among the features: most of the land was never disturbed."""
RAREST, COMMONEST = 0.002, 0.5
"""Bounds of the share of the land where a species lives."""
GAIN_SPECIES = 100
"""Species from which the common strength of all niches is found."""

Floats = NDArray[np.float32]


def feature_names() -> tuple[str, ...]:
    """Return the features in the order of all arrays, each named after its driver."""
    squares = tuple(name for name in DRIVERS if name not in LINEAR)
    return (*DRIVERS, *squares)


def features_of(drivers: Floats) -> Floats:
    """Return features (feature, ...) of drivers (driver, ...): these, then the squares of most."""
    squared = [index for index, name in enumerate(DRIVERS) if name not in LINEAR]
    return np.concatenate([drivers, drivers[squared] ** 2])


@dataclass(frozen=True, eq=False)
class Niches:
    """How the chance of each species depends on the features, and on factors that species share."""

    weights: Floats
    """``(species, feature)``."""
    centre: Floats
    """``(feature,)``: means over the land, taken off the features."""
    offset: Floats
    """``(species,)``: the logit where every part is at its mean."""
    loadings: Floats
    """``(species, factor)``: weights of the shared factors; their squares sum to less than one."""
    group: NDArray[np.int64]
    """``(species,)``: which habitat's assemblage a species belongs to."""
    optimum: Floats
    """``(group, driver)``: where each group is at its best."""
    prevalence: Floats
    """``(species,)``: share of the land where a species lives."""


def features_in(modality: str) -> NDArray[np.int64]:
    """Return which features belong to a modality.

    >>> [feature_names()[index] for index in features_in("predictors")]
    ['soil', 'soil']
    """
    return np.flatnonzero([DRIVERS[name] == modality for name in feature_names()])


def niches_of(world: World, groups: int) -> Niches:
    """Invent the niches of a world's species and set their strength and frequency.

    Offsets make the mean of each species' probability over the land equal its prevalence; one
    common gain makes the macro AUC of the true probabilities equal ``settings.skill``.
    """
    settings = world.settings
    places = sample_of(settings)
    land = chosen_of(places, world.terrain.at(places).land)
    features = features_of(world.drivers(land))
    random = generator_of(settings.seed, "niches")
    # Species of one assemblage share their needs, which also keeps the niches low-dimensional.
    group = np.sort(random.integers(groups, size=settings.species))
    optimum = random.normal(0, 1.0, (groups, len(DRIVERS))).astype(np.float32)
    centre = features.mean(axis=1)
    weights = _weights(random, optimum[group], features - centre[:, None])
    drawn = np.exp(random.normal(0, 0.9, settings.species))
    mean = settings.mean_richness / settings.species
    for _ in range(8):
        # Clipping moves the mean, so the rest is scaled again.
        drawn = np.clip(drawn * mean / drawn.mean(), RAREST, COMMONEST)
    prevalence = drawn.astype(np.float32)
    gain, offset = _calibrated(features - centre[:, None], weights, prevalence, settings.skill)
    loadings = _loadings(random, settings, group)
    return Niches(gain * weights, centre, offset, loadings, group, optimum, prevalence)


def expected_auc(score: Floats, probability: Floats) -> Floats:
    """Return the AUC ``(species,)`` of a score over presences drawn with a probability.

    The AUC is the chance that a place with the species has a higher score than one without it, over
    all pairs of different places; both arrays are ``(n, species)``, and scores have no ties.

    >>> score = np.array([[0.1], [0.9]], np.float32)
    >>> expected_auc(score, np.array([[0.0], [1.0]], np.float32)).tolist()
    [1.0]
    """
    order = np.argsort(score, axis=0)
    present = np.take_along_axis(probability.astype(np.float64), order, axis=0)
    # A presence outranks the absences that were passed before it.
    absent = 1 - present
    below = np.cumsum(absent, axis=0) - absent
    pairs = present.sum(0) * absent.sum(0) - (present * absent).sum(0)
    return ((present * below).sum(0) / pairs).astype(np.float32)


def _weights(random: np.random.Generator, optimum: Floats, features: Floats) -> Floats:
    """Return weights ``(species, feature)`` of quadratic niches of optima ``(species, driver)``.

    Each modality's part has the variance of its share over the centred features ``(feature, n)``.
    """
    species, count = optimum.shape
    # -(z - best)^2 / (2 tolerance^2) = z best / tolerance^2 - z^2 / (2 tolerance^2) + constant.
    best = optimum + random.normal(0, 0.55, (species, count))
    tolerance = np.exp(random.normal(np.log(1.3), 0.3, (species, count)))
    linear, square = best / tolerance**2, -0.5 / tolerance**2
    with_square = [name not in LINEAR for name in DRIVERS]
    weights = np.concatenate([linear, square[:, with_square]], axis=1)
    shares = random.dirichlet(EVENNESS * np.array([SHARES[name] for name in MODALITIES]), species)
    for index, modality in enumerate(MODALITIES):
        chosen = features_in(modality)
        spread = (weights[:, chosen] @ features[chosen]).std(axis=1)
        weights[:, chosen] *= (np.sqrt(shares[:, index]) / spread)[:, None]
    return weights.astype(np.float32)


def _calibrated(
    features: Floats, weights: Floats, prevalence: Floats, skill: float
) -> tuple[np.float32, Floats]:
    """Return the gain that gives the wanted macro AUC, and offsets ``(species,)``.

    ``features`` are ``(feature, n)``, off their means.
    """
    every = max(1, len(weights) // GAIN_SPECIES)
    parts, wanted = (weights[::every] @ features).T, prevalence[::every]
    # The AUC grows with the gain, so that halving the bracket nine times settles it to 1%.
    low, high = 0.5, 8.0
    for _ in range(9):
        gain = (low * high) ** 0.5
        logit = gain * parts
        probability = expit(logit + offsets_for(logit, wanted))
        low, high = (gain, high) if expected_auc(logit, probability).mean() < skill else (low, gain)
    gain = np.float32((low * high) ** 0.5)
    return gain, offsets_for(gain * (weights @ features).T, prevalence)


def offsets_for(logit: Floats, prevalence: Floats) -> Floats:
    """Return offsets ``(species,)`` that give logits ``(n, species)`` wanted mean probabilities."""
    low = np.full(prevalence.shape, -40, np.float32)
    high = np.full(prevalence.shape, 20, np.float32)
    offset = np.log(prevalence / (1 - prevalence))
    for _ in range(40):
        probability = expit(logit + offset)
        mean = probability.mean(axis=0)
        low, high = (
            np.where(mean < prevalence, offset, low),
            np.where(mean < prevalence, high, offset),
        )
        slope = (probability * (1 - probability)).mean(axis=0)
        newton = offset + (prevalence - mean) / np.maximum(slope, 1e-9)
        # Newton's step, or halving where it would leave the bracket.
        offset = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
        if np.abs(mean - prevalence).max() < 1e-6:
            break
    return offset.astype(np.float32)


def _loadings(
    random: np.random.Generator, settings: VirtualSettings, group: NDArray[np.int64]
) -> Floats:
    """Return loadings ``(species, 3)``, alike among the species of one assemblage."""
    centre = random.normal(0, 0.6, (group.max() + 1, 3))
    drawn = centre[group] + random.normal(0, 0.6, (settings.species, 3))
    share = settings.residual * random.uniform(0.3, 1, settings.species)
    length = np.sqrt((drawn**2).sum(axis=1))
    return (drawn * (np.sqrt(share) / length)[:, None]).astype(np.float32)
