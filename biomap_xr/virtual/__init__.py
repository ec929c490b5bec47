"""A simulated Europe, written in the real file formats, with its truth."""

from biomap_xr.virtual.settings import Corner, TileCount, VirtualSettings
from biomap_xr.virtual.simulate import Simulated, simulate
from biomap_xr.virtual.truth import Richness, Truth, open_truth

__all__ = [
    "Corner",
    "Richness",
    "Simulated",
    "TileCount",
    "Truth",
    "VirtualSettings",
    "open_truth",
    "simulate",
]
