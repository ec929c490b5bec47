"""Invented species names of two Latin-like words, and keys such as registries give."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from biomap_xr.virtual.noise import generator_of

# Joined they look like Linnaean names; none of the genera made from these exists.
_STARTS = (
    "Abrim", "Belor", "Calun", "Dravis", "Elodon", "Fenul", "Galdor", "Hesper", "Ilmar", "Juvel",
    "Kelvar", "Lumor", "Mirab", "Nemor", "Ostran", "Pelagr", "Quirin", "Runar", "Silvan", "Talor",
    "Umbral", "Valdor", "Xantor", "Zephir",
)  # fmt: skip
_ENDS = ("ia", "ella", "anthes", "opsis", "aria", "ops")
_EPITHETS = (
    "alpestris", "arvalis", "borealis", "clivosa", "collina", "decora", "elata", "fallax",
    "fontana", "glacialis", "gracilis", "humilis", "inodora", "lacustris", "litoralis", "lucida",
    "minima", "mollis", "montana", "nemoralis", "obscura", "paludosa", "pallida", "pratensis",
    "procera", "rara", "ripensis", "rupestris", "serotina", "silvestris", "simplex", "tarda",
    "umbrosa", "vagans", "vernalis", "virens",
)  # fmt: skip


_PREFIXES = (
    "",
    "sub",
    "pseudo",
    "multi",
    "pan",
    "semi",
    "trans",
    "inter",
    "extra",
    "quasi",
    "super",
)


def species_names(seed: int, count: int) -> list[str]:
    """Return unique names of two words, at most 57,024.

    >>> names = species_names(0, 640)
    >>> len(set(names)), {len(name.split()) for name in names}
    (640, {2})
    """
    genera = [start + end for start, end in product(_STARTS, _ENDS)]
    prefixes = _PREFIXES[: -(-count // (len(genera) * len(_EPITHETS)))]
    epithets = [f"{prefix}{epithet}" for prefix, epithet in product(prefixes, _EPITHETS)]
    chosen = generator_of(seed, "names").permutation(len(genera) * len(epithets))[:count]
    return [f"{genera[each % len(genera)]} {epithets[each // len(genera)]}" for each in chosen]


def species_ids(seed: int, count: int) -> NDArray[np.int64]:
    """Return unique ids ``(species,)``, ascending and with gaps: no positions in an array."""
    drawn = generator_of(seed, "ids").choice(12 * count, size=count, replace=False)
    return np.sort(drawn).astype(np.int64)


def gbif_keys(seed: int, count: int) -> NDArray[np.int64]:
    """Return unique seven-digit keys ``(species,)`` as GBIF's backbone has them."""
    drawn = generator_of(seed, "keys").choice(7_000_000, size=count, replace=False)
    return (drawn + 2_600_000).astype(np.int64)
