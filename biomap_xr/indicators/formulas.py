"""The sums behind every indicator, on NumPy, CuPy, torch and Dask arrays (paper 1, eq. 1-5).

An indicator counts the species present among its members. Each species is an independent Bernoulli
trial, so the count follows a Poisson binomial distribution (paper 1, section 3). Members are rows
of ones and zeros ``(indicator, species)``; probabilities have species first and any dims of cells
after it.
"""

from typing import Any, NamedTuple

from array_api_compat import array_namespace, device

LOG_ZERO = -128.0
"""A finite stand-in for log(0): -expm1(-128) is exactly 1 in float32 and float64, and 0 * -128 is
not NaN."""


class Interval(NamedTuple):
    """Both ends of an interval, each of the shape ``(indicator, ...)``."""

    low: Any
    high: Any


def expected(members: Any, probability: Any) -> Any:
    """Expected number of members present (paper 1, equation 1).

    Args:
        members: ``(indicator, species)``, 1 where the species counts for the indicator.
        probability: ``(species, ...)``, 0 to 1.

    Returns:
        ``(indicator, ...)``, species, 0 to the number of members.

    The paper's example, ten species of which three are likely:

    >>> import numpy as np
    >>> likely = np.array([0.9, 0.8, 0.1, 0, 0, 0, 0, 0, 0, 0])
    >>> expected(np.ones((1, 10)), likely).round(3)
    array([1.8])
    """
    return _member_sum(members, probability)


def variance(members: Any, probability: Any) -> Any:
    """Variance of the number of members present (paper 1, equation 2).

    Args:
        members: ``(indicator, species)``, 1 where the species counts for the indicator.
        probability: ``(species, ...)``, 0 to 1.

    Returns:
        ``(indicator, ...)``, squared species.

    >>> import numpy as np
    >>> float(2 * np.sqrt(variance(np.ones((1, 3)), np.array([0.9, 0.8, 0.1])))[0].round(3))
    1.166
    """
    return _member_sum(members, probability * (1 - probability))


def log_none(members: Any, probability: Any) -> Any:
    """Logarithm of the chance that no member is present (paper 1, equation 5, its product).

    Args:
        members: ``(indicator, species)``, 1 where the species counts for the indicator.
        probability: ``(species, ...)``, 0 to 1; a certain species adds `LOG_ZERO`.

    Returns:
        ``(indicator, ...)``, at most 0 and finite.
    """
    xp = array_namespace(probability)
    certain = probability >= 1
    uncertain = xp.where(certain, xp.zeros_like(probability), probability)
    logarithm = xp.log1p(-uncertain)
    return _member_sum(members, xp.where(certain, xp.full_like(logarithm, LOG_ZERO), logarithm))


def at_least_one(log_chance_of_none: Any) -> Any:
    """Chance that at least one member is present (paper 1, equation 5), exact for small chances.

    Args:
        log_chance_of_none: ``(...)``, what `log_none` gives.

    Returns:
        ``(...)``, 0 to 1.

    >>> import numpy as np
    >>> at_least_one(log_none(np.ones((1, 3)), np.array([0.9, 0.8, 0.1]))).round(3)
    array([0.982])
    """
    xp = array_namespace(log_chance_of_none)
    # The absolute value and not the negative: the chance of no members is 0 and not -0.
    return xp.abs(xp.expm1(log_chance_of_none))


def count_present(members: Any, present: Any) -> Any:
    """Number of members in a thresholded assemblage.

    Args:
        members: ``(indicator, species)``, 1 where the species counts for the indicator.
        present: ``(species, ...)`` bool.

    Returns:
        ``(indicator, ...)`` int32.

    >>> import numpy as np
    >>> count_present(np.array([[1, 1, 0]]), np.array([True, False, True]))
    array([1], dtype=int32)
    """
    xp = array_namespace(present)
    # Whole numbers are exact in float32 below 2 ** 24, and only floats have a fast matrix product.
    total = _member_sum(members, xp.astype(present, xp.float32))
    return xp.astype(total, xp.int32)


def interval(mean: Any, spread: Any, members: Any) -> Interval:
    """The 2-sigma interval (paper 1, equation 3), clipped to what can be counted.

    Args:
        mean: ``(indicator, ...)``, expected number of species.
        spread: ``(indicator, ...)``, its variance.
        members: ``(indicator,)``, number of member species, the highest possible count.

    Returns:
        low and high, ``(indicator, ...)``, within 0 and the number of members.

    >>> import numpy as np
    >>> interval(np.array([1.8]), np.array([0.34]), np.array([2]))
    Interval(low=array([0.63380962]), high=array([2.]))
    """
    xp = array_namespace(mean)
    radius = 2 * xp.sqrt(xp.maximum(spread, xp.zeros_like(spread)))
    most = xp.reshape(
        xp.astype(members, mean.dtype), (members.shape[0], *(1 for _ in mean.shape[1:]))
    )
    low = xp.maximum(mean - radius, xp.zeros_like(mean))
    return Interval(low, xp.minimum(mean + radius, most + xp.zeros_like(mean)))


def most_threatened(status: Any, present: Any, *, none: int) -> Any:
    """Status of the most threatened species: a look-up table and a maximum (paper 1, section 4).

    Args:
        status: ``(species,)`` uint8 codes that grow with the threat.
        present: ``(species, ...)`` bool.
        none: the code where no species is present; smaller than any other.

    Returns:
        ``(...)`` uint8.

    >>> import numpy as np
    >>> most_threatened(np.array([3, 6], "uint8"), np.array([[True, True], [True, False]]), none=1)
    array([6, 3], dtype=uint8)
    """
    xp = array_namespace(present)
    codes = xp.reshape(
        xp.astype(like(status, present), xp.uint8), (-1, *(1 for _ in present.shape[1:]))
    )
    absent = xp.full_like(codes, none)
    return xp.max(xp.where(present, codes, absent), axis=0)


def _member_sum(members: Any, values: Any) -> Any:
    """Sum of values ``(species, ...)`` over the members of each indicator, ``(indicator, ...)``."""
    xp = array_namespace(values)
    weights = xp.astype(like(members, values), values.dtype)
    return xp.tensordot(weights, values, axes=((1,), (0,)))


def like(table: Any, values: Any) -> Any:
    """A small table of species as the kind of array that the values are.

    Args:
        table: ``(..., species)``, NumPy or of the kind already.
        values: ``(species, ...)``, on NumPy, CuPy, torch or Dask.

    Returns:
        ``(..., species)``, on the device of the values.

    >>> import numpy as np
    >>> like([1, 0], np.zeros((2, 3)))
    array([1, 0])
    """
    xp = array_namespace(values)
    return xp.asarray(table, device=device(values))
