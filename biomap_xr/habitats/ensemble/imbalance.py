"""Rare habitats beside frequent ones: weights and margins of classes (paper 2, class imbalance).

All strategies change what is minimised; no row is dropped or drawn twice.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights ``(class,)`` inverse to the frequencies ``(class,)``.

    Weights of all rows sum to the number of rows.

    >>> class_weights(np.array([30, 10])).round(3).tolist()
    [0.667, 2.0]
    """
    classes = np.arange(len(counts))
    return compute_class_weight("balanced", classes=classes, y=np.repeat(classes, counts))


def margins(counts: NDArray[np.int64], largest: float = 0.5) -> NDArray[np.float64]:
    """Return LDAM's margins ``(class,)``: n^(-1/4), scaled by that of the rarest class.

    Cao et al. 2019, equation 13.

    >>> margins(np.array([16, 1, 256])).tolist()
    [0.25, 0.5, 0.125]
    """
    raw = counts.astype(np.float64) ** -0.25
    return raw * (largest / raw.max())
