"""The table of virtual species: names, keys, Red List status and membership of lists."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from biomap_xr.virtual.drivers import DRIVERS
from biomap_xr.virtual.formations import HABITATS_OF
from biomap_xr.virtual.habitats import HABITATS, Habitat, habitats_by_openness
from biomap_xr.virtual.names import gbif_keys, species_ids, species_names
from biomap_xr.virtual.niches import Niches
from biomap_xr.virtual.noise import generator_of
from biomap_xr.virtual.settings import VirtualSettings

STATUSES = ("LC", "NT", "VU", "EN", "CR")
UNKNOWN = "unknown"
TASTES = ("openness", "moisture", "temperature")
"""Drivers that `Habitat.taste` is about."""
UNKNOWN_SHARE, INFERRED_SHARE = 0.12, 0.25
"""Shares of the species without a status, and of the others with one that a model inferred."""


def species_table(settings: VirtualSettings, niches: Niches) -> pd.DataFrame:
    """Return one row a species, in the order of every array (species, ...).

    Columns: `species_id`, `gbif_key`, `species`, `family`, `taxon_rank`, `iucn_status` (LC, NT, VU,
    EN, CR or unknown), `iucn_source` (observed or inferred, empty where unknown), `woody`, `alien`,
    `invasive`, `eu_directive` (booleans), `habitat` (EUNIS code of its assemblage), `prevalence`
    (share of the land), `capture` (chance that a survey finds it in a cell where it lives) and
    `appeal` (how often people report it, 1 on average).
    """
    count, random = settings.species, generator_of(settings.seed, "traits")
    names = species_names(settings.seed, count)
    habitats = HABITATS_OF[settings.formations]
    habitat = group_habitats(niches, habitats)[niches.group]
    alien = random.random(count) < 0.08
    rank = np.argsort(np.argsort(niches.prevalence)) / len(niches.prevalence)
    # Real Red Lists follow rarity, but not slavishly.
    risk = rank + random.normal(0, 0.12, len(rank))
    level = 4 - np.searchsorted([0.02, 0.07, 0.15, 0.25], risk)
    level[alien] = 0
    unknown = random.random(len(rank)) < UNKNOWN_SHARE
    inferred = random.random(len(rank)) < INFERRED_SHARE
    status = [UNKNOWN if no else STATUSES[each] for no, each in zip(unknown, level, strict=True)]
    source = [
        "" if no else "inferred" if guess else "observed"
        for no, guess in zip(unknown, inferred, strict=True)
    ]
    status, source = (status, source)
    appeal = np.exp(random.normal(0, 0.8, count))
    return pd.DataFrame(
        {
            "species_id": species_ids(settings.seed, count),
            "gbif_key": gbif_keys(settings.seed, count),
            "species": names,
            "family": [f"{name.split()[0][:4]}aceae" for name in names],
            "taxon_rank": "SPECIES",
            "iucn_status": status,
            "iucn_source": source,
            "woody": random.random(count) < np.array([one.woody for one in habitats])[habitat],
            "alien": alien,
            "invasive": alien & (random.random(count) < 0.5),
            "eu_directive": ~alien & (random.random(count) < 0.08),
            "habitat": [habitats[each].code for each in habitat],
            "prevalence": niches.prevalence,
            "capture": captures(random, count),
            "appeal": appeal / appeal.mean(),
        }
    )


def captures(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return chances ``(species,)`` between 0.4 and 0.95, two thirds on average.

    A plot of 100 m2 covers a twenty-fifth of a cell of 2,500 m2: species that grow scattered are
    often beside it.
    """
    return (0.4 + 0.55 * random.beta(2.2, 2.2, count)).astype(np.float32)


def group_habitats(niches: Niches, habitats: tuple[Habitat, ...]) -> NDArray[np.int64]:
    """Return which of as many habitats each assemblage ``(group,)`` makes.

    The sixteen `HABITATS` are taken in the order of openness; others get the assemblages whose
    optima suit their tastes, so that the sum of squared differences is least.
    """
    if habitats is HABITATS:
        return habitats_by_openness(niches.optimum[:, list(DRIVERS).index("openness")])
    optima = niches.optimum[:, [list(DRIVERS).index(name) for name in TASTES]]
    tastes = np.array([one.taste for one in habitats])
    distance = ((optima[:, None] - tastes[None]) ** 2).sum(axis=2)
    return np.asarray(linear_sum_assignment(distance)[1])
