"""Biodiversity indicators of predicted assemblages, with their uncertainty (paper 1, section 3).

Two faces of one set of formulas: `Sums` inside the tile program, block by block of species, and
`assess` on any opened species cube, lazily. `Traits` says which species each indicator counts.
"""

from biomap_xr.indicators.assess import assess, count_quantiles
from biomap_xr.indicators.declared import INDICATORS, STATUSES
from biomap_xr.indicators.settings import IndicatorSettings
from biomap_xr.indicators.specialists import Prevalence, Specialists
from biomap_xr.indicators.sums import IndicatorMaps, Sums
from biomap_xr.indicators.traits import Traits, read_traits

__all__ = [
    "INDICATORS",
    "STATUSES",
    "IndicatorMaps",
    "IndicatorSettings",
    "Prevalence",
    "Specialists",
    "Sums",
    "Traits",
    "assess",
    "count_quantiles",
    "read_traits",
]
