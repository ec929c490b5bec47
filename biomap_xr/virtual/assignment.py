"""Which habitat a cell is: of the classes that can be there, the one over-represented the most."""

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.eligibility import allowed_at
from biomap_xr.virtual.fields import Places
from biomap_xr.virtual.habitats import SPECIES_BLOCK, Affinity
from biomap_xr.virtual.niches import Floats
from biomap_xr.virtual.traits import group_habitats


def affinity_of(assemblage: Assemblage, cells: int) -> Affinity:
    """Return the empty sums of a number of cells over all assemblages of species."""
    niches = assemblage.niches
    return Affinity(niches.group, niches.prevalence, len(assemblage.habitats), cells)


def assigned(assemblage: Assemblage, centres: Places, affinity: Affinity) -> NDArray[np.uint16]:
    """Return the number of the habitat of cells ``(n,)``, line by line, whose species are all in.

    Args:
        assemblage: The world and its species.
        centres: Centres of the cells in metres.
        affinity: What took in the chances of all species.
    """
    habitats = assemblage.habitats
    groups = group_habitats(assemblage.niches, habitats)
    allowed = None
    if assemblage.world.settings.formations == "all":
        allowed = allowed_at(assemblage.world, assemblage.shore, habitats, centres)[groups]
    return group_numbers(assemblage)[affinity.best(allowed)]


def habitats_at(assemblage: Assemblage, centres: Places, probability: Floats) -> NDArray[np.uint16]:
    """Return the number of the habitat of cells on land ``(n,)``.

    Args:
        assemblage: The world and its species.
        centres: Centres of the cells in metres.
        probability: Chances ``(species, n)`` of all species in the cells.
    """
    affinity = affinity_of(assemblage, probability.shape[1])
    for start in range(0, len(probability), SPECIES_BLOCK):
        species = slice(start, min(start + SPECIES_BLOCK, len(probability)))
        affinity.add(probability[species], species)
    return assigned(assemblage, centres, affinity)


def group_numbers(assemblage: Assemblage) -> NDArray[np.uint16]:
    """Return the number of the habitat that each assemblage ``(group,)`` makes."""
    habitats = assemblage.habitats
    numbers = np.array([one.number for one in habitats], np.uint16)
    return numbers[group_habitats(assemblage.niches, habitats)]


def weights_of(assemblage: Assemblage) -> Floats:
    """Return one over the summed prevalence of each species' assemblage ``(species,)``."""
    niches = assemblage.niches
    total = np.bincount(niches.group, niches.prevalence)
    return (1 / total[niches.group]).astype(np.float32)
