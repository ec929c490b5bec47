"""Reflectance as the cube and the published patches hold it."""

import numpy as np
from numpy.typing import NDArray

FULL = 10_000
"""Stored value of a reflectance of 1."""


def encode_gamma8(reflectance: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Encode reflectance as the published patches: 255 (clip(x, 0, 10000) / 10000)^(1/2.5).

    Args:
        reflectance: Any shape, reflectance x 10,000; more than 10,000 counts as 10,000.

    Returns:
        The same shape, 0 to 255, rounded down as a cast of the published formula does.

    >>> encode_gamma8(np.array([0, 1000, 10_000, 12_000], np.uint16)).tolist()
    [0, 101, 255, 255]
    """
    return GAMMA8[np.minimum(reflectance, FULL)]


def _gamma8() -> NDArray[np.uint8]:
    """Return the code of each of the 10,001 reflectances, far faster than a power a pixel."""
    return (255 * (np.arange(FULL + 1) / FULL) ** (1 / 2.5)).astype(np.uint8)


GAMMA8 = _gamma8()
