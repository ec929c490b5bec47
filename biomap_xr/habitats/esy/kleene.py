"""Three-valued logic of Kleene: what is unknown stays unknown unless the rest decides.

Truth values are uint8 arrays of `FALSE`, `UNKNOWN` and `TRUE`, in this order, so that *and* is the
smaller and *or* the larger of two. A formula is stored in postfix order, as on a pocket calculator:
the two operands before the operator.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FALSE, UNKNOWN, TRUE = np.uint8(0), np.uint8(1), np.uint8(2)
AND, OR, NOT = "AND", "OR", "NOT"
Postfix = tuple[int | str, ...]
"""Numbers of comparisons, and operators after their two operands."""


def truth(value: NDArray[np.bool_], known: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Return truth values (...) of what is true or false where it is known.

    >>> truth(np.array([True, False, True]), np.array([True, True, False])).tolist()
    [2, 0, 1]
    """
    found = np.where(value, TRUE, FALSE)
    return found if known is None else np.where(known, found, UNKNOWN)


def both(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return *a and b* (...): false where one is, true where both are."""
    return np.minimum(a, b)


def either(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return *a or b* (...): true where one is, false where both are."""
    return np.maximum(a, b)


def but_not(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return *a and not b* (...), the meaning of NOT between two parts of a formula."""
    return np.minimum(a, TRUE - b)


OPERATIONS = {AND: both, OR: either, NOT: but_not}


def evaluate(formula: Postfix, values: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the truth of a formula for every plot at once.

    Args:
        formula: Operands are places in ``values``.
        values: Truth ``(plot,)`` of each comparison.

    Returns:
        Truth values ``(plot,)``.

    >>> evaluate((0, 1, "NOT"), [np.uint8([2, 2, 2]), np.uint8([0, 1, 2])]).tolist()
    [2, 1, 0]
    """
    stack: list[NDArray[np.uint8]] = []
    for part in formula:
        if isinstance(part, str):
            right = stack.pop()
            stack.append(OPERATIONS[part](stack.pop(), right))
        else:
            stack.append(values[part])
    return stack.pop()
