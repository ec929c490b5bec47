"""Which habitat a cell is: the class whose species are most over-represented there."""

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.habitats import HABITATS, SPECIES_BLOCK, Affinity
from biomap_xr.virtual.niches import Floats, Niches
from biomap_xr.virtual.traits import group_habitats


def affinity_of(niches: Niches, cells: int) -> Affinity:
    """Return the empty sums of a number of cells over the assemblages of some niches."""
    return Affinity(niches.group, niches.prevalence, len(HABITATS), cells)


def assigned(assemblage: Assemblage, affinity: Affinity) -> NDArray[np.uint16]:
    """Return the number of the habitat of cells ``(n,)`` whose species were all taken in."""
    return group_numbers(assemblage.niches)[affinity.best()]


def habitats_at(assemblage: Assemblage, probability: Floats) -> NDArray[np.uint16]:
    """Return the number of the habitat of cells on land ``(n,)``.

    Args:
        assemblage: The world and its species.
        probability: Chances ``(species, n)`` of all species in the cells.
    """
    affinity = affinity_of(assemblage.niches, probability.shape[1])
    for start in range(0, len(probability), SPECIES_BLOCK):
        species = slice(start, min(start + SPECIES_BLOCK, len(probability)))
        affinity.add(probability[species], species)
    return assigned(assemblage, affinity)


def group_numbers(niches: Niches) -> NDArray[np.uint16]:
    """Return the number of the habitat that each assemblage ``(group,)`` makes."""
    return np.array([one.number for one in HABITATS], np.uint16)[group_habitats(niches)]


def weights_of(niches: Niches) -> Floats:
    """Return one over the summed prevalence of each species' assemblage ``(species,)``."""
    total = np.bincount(niches.group, niches.prevalence, minlength=len(HABITATS))
    return (1 / total[niches.group]).astype(np.float32)
