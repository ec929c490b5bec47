"""Temperature scaling: one number that makes a perceptron's probabilities honest.

As in the published code the temperature **multiplies** logits: softmax(temperature * logits); below
1 it softens, above 1 it sharpens. (Guo et al. 2017 divide; theirs is the reciprocal.) It changes
no ranking. The published code loses it on saving; here it is stored with the network.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

LIMITS = (1e-3, 1e3)
"""Between these a temperature is looked for: rows without a single error would have it infinite."""


def tempered(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Return probabilities ``(row, class)`` of logits ``(row, class)`` at a temperature.

    >>> tempered(np.array([[0.0, np.log(4.0)]]), 0.5).round(3).tolist()
    [[0.333, 0.667]]
    """
    return softmax(temperature * logits.astype(np.float64), axis=1)


def negative_log_likelihood(
    logits: NDArray[np.floating], labels: NDArray[np.int64], temperature: float
) -> float:
    """Return the mean of -log p of true classes.

    Args:
        logits: ``(row, class)``.
        labels: Numbers of true classes ``(row,)``.
        temperature: Positive.
    """
    logs = log_softmax(temperature * logits.astype(np.float64), axis=1)
    return -float(logs[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Return the temperature of the lowest negative log-likelihood on held-out rows.

    Args:
        logits: ``(row, class)`` of rows that the network was not trained on.
        labels: Numbers of true classes ``(row,)``.

    Returns:
        A multiplier within `LIMITS`; 1 where there is no row.
    """
    if not len(labels):
        return 1.0
    # Convex in the temperature, so it has one valley in its logarithm, too.
    found = minimize_scalar(
        lambda exponent: negative_log_likelihood(logits, labels, float(np.exp(exponent))),
        bounds=tuple(np.log(LIMITS)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))
