"""Rare habitats beside frequent ones: weights and margins of classes (paper 2, class imbalance).

All strategies change what is minimised; no row is dropped or drawn twice.
"""

import numpy as np
from numpy.typing import NDArray


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return weights ``(class,)`` inverse to the frequencies ``(class,)``, as scikit-learn's.

    Weights of all rows sum to the number of rows.

    >>> class_weights(np.array([30, 10])).round(3).tolist()
    [0.667, 2.0]
    """
    return counts.sum() / (len(counts) * counts)


def row_weights(
    labels: NDArray[np.int64], counts: NDArray[np.int64], *, weighted: bool
) -> NDArray[np.float64]:
    """Return the weight of each row ``(row,)`` by the class it is of, or 1 for all.

    Args:
        labels: Number of the class of each row ``(row,)``.
        counts: Rows of each class in training ``(class,)``.
        weighted: Whether classes are weighted at all.
    """
    return class_weights(counts)[labels] if weighted else np.ones(len(labels))


def margins(counts: NDArray[np.int64], largest: float = 0.5) -> NDArray[np.float64]:
    """Return LDAM's margins ``(class,)``: n^(-1/4), scaled by that of the rarest class.

    Cao et al. 2019, equation 13.

    >>> margins(np.array([16, 1, 256])).tolist()
    [0.25, 0.5, 0.125]
    """
    raw = counts.astype(np.float64) ** -0.25
    return raw * (largest / raw.max())
