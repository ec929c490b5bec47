"""The eight symmetries of a square, for Sentinel-2 windows in training: north is no feature."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def turn(windows: NDArray[Any], symmetries: NDArray[np.int64]) -> NDArray[Any]:
    """Turn and flip each window on its own.

    Args:
        windows: ``(n, channels, side, side)``.
        symmetries: ``(n,)`` numbers 0..7: quarter turns, plus 4 for a flip.

    Returns:
        A new array of the same shape.

    >>> turn(np.array([[[[1, 2], [3, 4]]]]), np.array([4])).tolist()
    [[[[2, 1], [4, 3]]]]
    """
    result = np.empty_like(windows)
    for index, symmetry in enumerate(symmetries.tolist()):
        window = np.rot90(windows[index], symmetry % 4, (1, 2))
        result[index] = window[..., ::-1] if symmetry >= 4 else window
    return result
