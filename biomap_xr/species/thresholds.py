"""Presence thresholds."""

from biomap_xr.settings import Settings


class Thresholds(Settings):
    """Thresholds of every species and how they were chosen; stored in the model's card."""

    f_score_global: float
    """Maximises the sample-averaged F-score over the calibration surveys."""
    f_score: tuple[float, ...]
    """Per species, by its own F-score."""
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
