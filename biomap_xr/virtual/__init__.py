"""A simulated Europe, written in the real file formats, with its truth."""

from biomap_xr.virtual.ceiling import (
    Reference,
    best_from_presence,
    best_from_ranking,
    naive_from_presence,
    rule_from_ranking,
)
from biomap_xr.virtual.settings import Corner, TileCount, VirtualSettings
from biomap_xr.virtual.simulate import Simulated, simulate
from biomap_xr.virtual.truth import Richness, Truth, open_truth

__all__ = [
    "Corner",
    "Reference",
    "Richness",
    "Simulated",
    "TileCount",
    "Truth",
    "VirtualSettings",
    "best_from_presence",
    "best_from_ranking",
    "naive_from_presence",
    "open_truth",
    "rule_from_ranking",
    "simulate",
]
