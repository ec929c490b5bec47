"""Exact quantiles of the number of species present (Poisson binomial), many cells at once.

The 2-sigma interval of paper 1 (equation 3) is a rule of thumb; these are the numbers themselves.
The distribution is built species by species in float64, on NumPy, CuPy or torch arrays.
"""

from typing import Any

from array_api_compat import array_namespace

from biomap_xr.errors import InputError


def probability_mass(probability: Any) -> Any:
    """Chance of every possible number of species present.

    Args:
        probability: ``(species, ...)``, 0 to 1.

    Returns:
        (species + 1, ...) float64: chance that exactly 0, 1, ... species are present; sums to 1.

    >>> import numpy as np
    >>> probability_mass(np.array([0.5, 0.5]))
    array([0.25, 0.5 , 0.25])
    """
    xp = array_namespace(probability)
    chance = xp.astype(probability, xp.float64)
    species = chance.shape[0]
    mass = xp.zeros((species + 1, *chance.shape[1:]), dtype=xp.float64, device=probability.device)
    mass[0, ...] = 1.0
    for seen in range(species):
        # One more species: either it is absent and the number stays, or it is present and the
        # number grows by one.
        present = mass[: seen + 1, ...] * chance[seen, ...]
        mass[: seen + 1, ...] -= present
        mass[1 : seen + 2, ...] += present
    return xp.maximum(mass, xp.zeros_like(mass))


def cumulative(probability: Any) -> Any:
    """Chance of at most so many species present.

    Args:
        probability: ``(species, ...)``, 0 to 1.

    Returns:
        (species + 1, ...) float64, 0 to 1, growing along the first dim.

    >>> import numpy as np
    >>> cumulative(np.array([0.5, 0.5]))
    array([0.25, 0.75, 1.  ])
    """
    mass = probability_mass(probability)
    xp = array_namespace(mass)
    total = xp.cumulative_sum(mass, axis=0)
    return xp.minimum(total, xp.ones_like(total))


def quantile(probability: Any, level: float) -> Any:
    """Smallest number of species that is not exceeded with a chance of at least the level.

    Args:
        probability: ``(species, ...)``, 0 to 1.
        level: 0 to 1.

    Returns:
        ``(...)`` int32, 0 to the number of species.

    Raises:
        InputError: The level is not between 0 and 1.

    >>> import numpy as np
    >>> int(quantile(np.array([0.9, 0.8, 0.1]), 0.975))
    3
    """
    if not 0 <= level <= 1:
        raise InputError(
            f"A quantile of level {level} does not exist; expected 0 to 1, such as 0.975."
        )
    below = cumulative(probability)
    xp = array_namespace(below)
    # Rounding may keep the last sum a little under 1, or a sum just under a level that it equals.
    short = xp.astype(below < level - 1e-12, xp.int32)
    number = xp.sum(short, axis=0, dtype=xp.int32)
    return xp.minimum(number, xp.full_like(number, probability.shape[0]))
