"""Land and water: a coast, mountains up to about 2,500 m, and small lakes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.fields import Field, Places
from biomap_xr.virtual.settings import VirtualSettings

FOOTHILL = 130.0
"""Metres of elevation for each standard deviation that the continent lies above the coast."""
SUMMIT = 2_300.0
"""Metres that the mountains add at most."""
LAKE_LEVEL = 2.05
"""Standard deviations of the basin field above which there is a lake: about 2% of flat land."""


@dataclass(frozen=True)
class Relief:
    """What the ground is like at places, each array in the shape of the places."""

    height: NDArray[np.float32]
    """How far inland, in standard deviations of the continent field; negative in the sea."""
    elevation: NDArray[np.float32]
    """Metres above the sea; 0 in the sea."""
    broad: NDArray[np.float32]
    """Elevation in metres without single ridges, as the climate feels it."""
    lake: NDArray[np.bool_]

    @property
    def sea(self) -> NDArray[np.bool_]:
        """Where the sea is."""
        return self.height <= 0

    @property
    def land(self) -> NDArray[np.bool_]:
        """Where plants of the land can grow: neither sea nor lake."""
        return (self.height > 0) & ~self.lake


@dataclass(frozen=True)
class Terrain:
    """The fields that make the ground."""

    continent: Field
    massif: Field
    ridge: Field
    basin: Field
    sea_level: float
    """In standard deviations of the continent field."""

    @classmethod
    def of(cls, settings: VirtualSettings, everywhere: Places) -> Self:
        """Make the ground of a world; the sea takes its share of the places ``everywhere``."""
        seed, scale = settings.seed, settings.regional_scale
        continent = Field.named(seed, "continent", {1.5 * scale: 0.85, 0.4 * scale: 0.15})
        return cls(
            continent=continent,
            massif=Field.named(seed, "massif", {1.3 * scale: 1.0}),
            ridge=Field.named(seed, "ridge", {0.4 * scale: 0.8, 0.12 * scale: 0.2}),
            basin=Field.named(seed, "basin", {0.12 * scale: 1.0}),
            sea_level=float(np.quantile(continent.at(everywhere), settings.water)),
        )

    def at(self, places: Places) -> Relief:
        """Return the ground at places, in their shape.

        Ridges stand where the ridge field changes sign, and rise with the massif and away from the
        coast.
        """
        height = self.continent.at(places) - np.float32(self.sea_level)
        inland = np.clip(height, 0, None)
        # Mountains start inland: at the coast they would stand in the sea.
        massif = np.clip((self.massif.at(places) + 0.4) / 2, 0, 1) * np.clip(inland, 0, 1)
        crest = np.clip(1 - np.abs(self.ridge.at(places)), 0, 1)
        foot = FOOTHILL * inland
        elevation = foot + SUMMIT * massif * (0.3 + 0.7 * crest)
        broad = foot + SUMMIT * massif * np.float32(0.6)
        lake = (self.basin.at(places) > LAKE_LEVEL) & (massif < 0.25) & (height > 0.05)
        return Relief(height, elevation.astype(np.float32), broad.astype(np.float32), lake)
