"""Habitats as assemblages: EUNIS level-3 classes, each with species of its own.

A cell's habitat is the class whose species are most over-represented in the assemblage expected
there.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NO_HABITAT = 65_535
"""Where there is no land."""
SPECIES_BLOCK = 64
"""Species that are worked on at once: equal blocks give equal sums, to the last bit."""


Place = Literal["inland", "coast", "littoral", "made"]
"""Where a habitat can be: away from the shore, near it, on low ground at it, or on fields and in
towns."""


@dataclass(frozen=True)
class Habitat:
    """One EUNIS 2021 level-3 class."""

    code: str
    number: int
    """As in the legend of paper 2: 1000 a formation, 100 a level-2 class, 1 a level-3 class."""
    name: str
    woody: float
    """Chance that a species of its assemblage is woody."""
    place: Place = "inland"
    regions: tuple[int, ...] = ()
    """Codes of the coasts (coast, littoral) or ecoregions that it is bound to; none: anywhere."""
    covers: tuple[int, ...] = ()
    """CORINE's codes of the land cover that it has, the usual one first."""
    taste: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Openness, moisture and warmth that suit it, in standard deviations over the land."""


# From the most closed to the most open: an assemblage gets its class by the openness it prefers.
HABITATS = (
    Habitat("T31", 7301, "Temperate mountain Picea forest", 0.5),
    Habitat("T17", 7107, "Fagus forest on non-acid soils", 0.5),
    Habitat("T1E", 7114, "Carpinus and Quercus mesic deciduous forest", 0.5),
    Habitat("T1B", 7111, "Acidophilous Quercus forest", 0.45),
    Habitat("T35", 7305, "Temperate continental Pinus sylvestris forest", 0.45),
    Habitat("T15", 7105, "Broadleaved swamp forest on non-acid peat", 0.4),
    Habitat("S91", 6901, "Temperate riparian scrub", 0.45),
    Habitat("S35", 6305, "Temperate and submediterranean thorn scrub", 0.45),
    Habitat("S22", 6202, "Alpine and subalpine ericoid heath", 0.35),
    Habitat("S42", 6402, "Dry heath", 0.35),
    Habitat("Q11", 4101, "Raised bog", 0.1),
    Habitat("R35", 5305, "Moist or wet mesotrophic to eutrophic hay meadow", 0.03),
    Habitat("R22", 5202, "Low and medium altitude hay meadow", 0.03),
    Habitat("R1A", 5110, "Semi-dry perennial calcareous grassland", 0.05),
    Habitat("R43", 5403, "Temperate acidophilous alpine grassland", 0.05),
    Habitat("U29", 8209, "Temperate, high-mountain base-rich inland cliff", 0.1),
)


def habitats_by_openness(openness: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return which of `HABITATS` each assemblage ``(group,)`` makes: the more open, the later.

    >>> habitats_by_openness(np.array([0.5, -1.0, 2.0])).tolist()
    [1, 0, 2]
    """
    return np.argsort(np.argsort(openness))


class Affinity:
    """How over-represented each assemblage is in each cell, summed block by block of species."""

    def __init__(
        self, group: NDArray[np.int64], prevalence: NDArray[np.float32], groups: int, cells: int
    ) -> None:
        total = np.bincount(group, prevalence, minlength=groups)
        self._group, self._scale = group, 1 / np.maximum(total, 1e-9)
        self._sum = np.zeros((groups, cells), np.float32)

    def add(self, probability: NDArray[np.float32], species: slice) -> None:
        """Take in the probabilities ``(species, cells)`` of a block of species."""
        group = self._group[species]
        for each in np.unique(group):
            self._sum[each] += probability[group == each].sum(axis=0) * np.float32(
                self._scale[each]
            )

    def best(self, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Return the assemblage ``(cells,)`` that exceeds its mean over the land the most.

        Args:
            allowed: Which of them a cell can be, ``(groups, cells)``; any by default.
        """
        sums = self._sum if allowed is None else np.where(allowed, self._sum, np.float32(-1))
        return sums.argmax(axis=0)
