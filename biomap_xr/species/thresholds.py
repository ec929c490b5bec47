"""Presence thresholds, chosen on calibration surveys that training and early stopping never saw.

Paper 1 names two ways: conformal (section 3, for assemblages) and best F-score (section 4, for
storage). A species is present where its probability is at least the threshold.
"""

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.settings import Settings
from biomap_xr.species.settings import ThresholdKind, ThresholdSettings

Probabilities = NDArray[np.floating]
"""``(surveys, species)``, 0..1."""
Presences = NDArray[np.bool_]
"""``(surveys, species)``."""


class Thresholds(Settings):
    """Thresholds of every species and how they were chosen; stored in the model's card."""

    f_score_global: float
    """Maximises the sample-averaged F-score over the calibration surveys."""
    f_score: tuple[float, ...]
    """Per species, by its own F-score; the global one where a species has too few presences."""
    conformal: tuple[float, ...]
    """Per species: misses at most ``omission`` of its presences in expectation."""
    conformal_pooled: float
    """Over the presences of all species."""
    pooled: tuple[bool, ...]
    """Which species took the pooled conformal threshold, having too few presences."""
    omission: float
    minimum_presences: int
    surveys: int
    """Calibration surveys."""
    method: str
    """How the thresholds were chosen, in words."""

    def of_kind(self, kind: ThresholdKind) -> NDArray[np.float64]:
        """Return the thresholds ``(species,)`` of a kind, 0..1; a global one is the same for all.

        Args:
            kind: ``f_score_global`` (paper 1, section 4), ``f_score`` or ``conformal`` (section 3).
        """
        if kind == "f_score_global":
            return np.full(len(self.f_score), self.f_score_global)
        return np.array(self.f_score if kind == "f_score" else self.conformal)


def choose(
    probability: Probabilities, presence: Presences, settings: ThresholdSettings
) -> Thresholds:
    """Choose all thresholds.

    Args:
        probability: ``(surveys, species)`` predictions on the calibration surveys.
        presence: ``(surveys, species)`` what was found there.
        settings: Omission level and minimum numbers of presences.

    Returns:
        The thresholds.

    Raises:
        InputError: Shapes differ, a probability is none, or nothing was found at all.
    """
    _check(probability, presence)
    overall = best_f_global(probability, presence)
    own, pooled = conformal(probability, presence, settings)
    general = conformal_threshold(probability[presence], settings.omission)
    return Thresholds(
        f_score_global=overall,
        f_score=tuple(best_f_by_species(probability, presence, settings, overall).tolist()),
        conformal=tuple(own.tolist()),
        conformal_pooled=general,
        pooled=tuple(pooled.tolist()),
        omission=settings.omission,
        minimum_presences=settings.minimum_presences,
        surveys=len(presence),
        method=_method(settings),
    )


def _method(settings: ThresholdSettings) -> str:
    return (
        "f_score_global: highest sample-averaged F-score; f_score: highest F-score of the "
        f"species, the global one below {settings.minimum_f_presences} presences; conformal: the "
        "floor(a (n + 1))-th smallest probability among n presences with "
        f"a = {settings.omission:g}, pooled over species below "
        f"{settings.minimum_presences} presences, 0 where the rank is 0; present where the "
        "probability is at least the threshold"
    )


def _check(probability: Probabilities, presence: Presences) -> None:
    if probability.shape != presence.shape or probability.ndim != 2:
        raise InputError(
            f"calibration: probabilities have shape {probability.shape}, presences "
            f"{presence.shape}; expected (surveys, species) twice; predict the same surveys "
            "and species"
        )
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        raise InputError(
            f"calibration: {int(outside.sum())} probabilities such as {probability[outside][0]} "
            "are not in 0..1; check the model's weights and inputs"
        )
    if not presence.any():
        raise InputError(
            f"calibration: 0 presences in {len(presence)} surveys, expected some; give calibration "
            "more blocks"
        )


def best_f_global(probability: Probabilities, presence: Presences) -> float:
    """Find the one threshold with the highest mean F-score over surveys, exactly.

    Lowering the threshold adds one prediction after the other; each changes the F-score of one
    survey by a known amount, so one sorted pass over all predictions gives the mean at every
    threshold. A survey without presences scores 0, as in scikit-learn.

    Args:
        probability: ``(surveys, species)``.
        presence: ``(surveys, species)``.

    Returns:
        The highest of the best thresholds; always the probability of a presence.

    >>> best_f_global(np.array([[0.9, 0.4, 0.2]]), np.array([[True, True, False]]))
    0.4
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    found = np.cumsum(np.take_along_axis(presence, order, 1), axis=1)
    ranks = np.arange(1, probability.shape[1] + 1)
    score = 2 * found / (ranks + presence.sum(axis=1, keepdims=True))
    gain = np.diff(score, axis=1, prepend=0.0)
    return _highest(np.take_along_axis(probability, order, 1).ravel(), gain.ravel())


def _highest(probability: Probabilities, gain: NDArray[np.float64]) -> float:
    """Give the threshold at which the gains of all predictions from above sum to the most."""
    order = np.argsort(-probability, kind="stable")
    values, total = probability[order], np.cumsum(gain[order])
    # Ties are accepted or refused together: only the last of a run can be a threshold.
    last = np.append(values[1:] != values[:-1], True)
    total = np.where(last, total, -np.inf)
    # Sums of one set in another order may differ by rounding; the higher threshold wins then.
    return float(values[np.argmax(total >= total.max() - 1e-9)])


def best_f_by_species(
    probability: Probabilities,
    presence: Presences,
    settings: ThresholdSettings,
    otherwise: float,
) -> NDArray[np.float64]:
    """Find each species' threshold with its highest F-score over the surveys.

    Args:
        probability: ``(surveys, species)``.
        presence: ``(surveys, species)``.
        settings: The minimum number of presences.
        otherwise: For species with fewer presences.

    Returns:
        ``(species,)``.
    """
    count = presence.sum(axis=0)
    order = np.argsort(-probability, axis=0, kind="stable")
    values = np.take_along_axis(probability, order, 0)
    found = np.cumsum(np.take_along_axis(presence, order, 0), axis=0)
    score = 2 * found / (np.arange(1, len(presence) + 1)[:, None] + count)
    last = np.ones_like(presence)
    last[:-1] = values[1:] != values[:-1]
    best = np.argmax(np.where(last, score, -1.0), axis=0)
    own = np.take_along_axis(values, best[None], 0)[0].astype(np.float64)
    return np.where(count >= settings.minimum_f_presences, own, otherwise)


def conformal_threshold(presences: Probabilities, omission: float) -> float:
    """Give the threshold that misses at most a share of presences in expectation.

    The floor(a (n + 1))-th smallest of n calibration probabilities: a further presence,
    exchangeable with these, falls below it with probability at most a.

    Args:
        presences: ``(n,)`` probabilities predicted where the species was found.
        omission: The level a, 0..1.

    Returns:
        The threshold; 0, which keeps everything, where the rank is 0.

    >>> conformal_threshold(np.linspace(0.1, 0.9, 9), 0.2)
    0.2
    >>> conformal_threshold(np.array([0.5]), 0.1)
    0.0
    """
    # 0.29 * 100 is 28.999...: a whole number must not fall to the one below.
    rank = int(np.floor(omission * (len(presences) + 1) + 1e-9))
    if rank == 0:
        return 0.0
    return float(np.partition(presences, rank - 1)[rank - 1])


def conformal(
    probability: Probabilities, presence: Presences, settings: ThresholdSettings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give each species its conformal threshold.

    Args:
        probability: ``(surveys, species)``.
        presence: ``(surveys, species)``.
        settings: Omission level and the minimum number of presences.

    Returns:
        Thresholds ``(species,)``, and which of them are the pooled one, over presences of all
        species.
    """
    pooled = presence.sum(axis=0) < settings.minimum_presences
    general = conformal_threshold(probability[presence], settings.omission)
    result = np.full(len(pooled), general)
    for index in np.flatnonzero(~pooled):
        found = probability[presence[:, index], index]
        result[index] = conformal_threshold(found, settings.omission)
    return result, pooled
