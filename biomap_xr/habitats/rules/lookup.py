"""From codes on a map to places in a table, and the refusal of codes that no table knows."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError

NAMED = 10
"""Unknown codes that a message names at most."""
LARGEST = 1 << 20
"""Codes up to this one are looked up in an array by themselves, others by bisection."""


def places_of(
    layer: str, values: NDArray[Any], known: NDArray[np.int64], missing: Collection[int] | None
) -> NDArray[np.int32]:
    """Return the place in a table of the code at each cell.

    Args:
        layer: What the codes are, for the message.
        values: Codes of any shape, whole numbers, of any dtype.
        known: ``(code,)`` codes of the table, each once.
        missing: Codes that mean that there is none; those that the table knows are not missing.
            None: all that the table does not know.

    Returns:
        Places 0 to n - 1 in the shape of ``values``, and n (one past the table) where missing.

    Raises:
        InputError: There are codes that are neither known nor missing, each with its count; or
            values that are no whole numbers, such as NaN.

    >>> places_of("coast", np.array([[2, 5], [0, 2]]), np.array([5, 2]), {0}).tolist()
    [[1, 0], [2, 1]]
    """
    _check_whole(layer, values)
    found, inverse = _distinct(values)
    # Tables keep the order of their file, while bisection needs an ascending one.
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known, found, sorter=order), max(len(known) - 1, 0))
    place = np.full(len(found), len(known), np.int32)
    if len(known):
        hit = known[order[at]] == found
        place[hit] = order[at][hit]
    strangers = place == len(known)
    # A code that nobody knows would silently pass for open sea, so it stops the run.
    if missing is not None and (strangers := strangers & ~np.isin(found, list(missing))).any():
        _refuse(layer, values, found[strangers], known)
    return place[inverse].reshape(values.shape)


def counts_of(values: NDArray[Any], wanted: NDArray[Any]) -> Mapping[int, int]:
    """Return how many cells hold each of some codes.

    >>> counts_of(np.array([3, 3, 4]), np.array([3]))
    {3: 2}
    """
    return {int(code): int((values == code).sum()) for code in wanted}


def _distinct(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct codes and the place among them of each cell's code ``(cell,)``."""
    flat = values.ravel()
    if flat.dtype.kind == "u" and flat.size and int(flat.max()) < LARGEST:
        # Sorting all cells of a tile takes ten times as long as two passes.
        seen = np.zeros(int(flat.max()) + 1, bool)
        seen[flat] = True
        rank = np.cumsum(seen) - 1
        return np.flatnonzero(seen), rank[flat]
    found, inverse = np.unique(flat.astype(np.int64), return_inverse=True)
    return found, inverse


def _check_whole(layer: str, values: NDArray[Any]) -> None:
    if values.dtype.kind in "iub":
        return
    # NaN is no whole number either; as one it would be a code that nobody wrote.
    wrong = ~np.isfinite(values) | (values != np.round(values))
    if wrong.any():
        raise InputError(
            f"{layer}: {int(wrong.sum())} of {values.size} values of {values.dtype} are no whole "
            f"numbers, such as {values[wrong].ravel()[0]:g}; expected codes: open the layer "
            "unmasked (rioxarray: masked=False), or fill NaN with a code that means missing"
        )


def _refuse(
    layer: str, values: NDArray[Any], strangers: NDArray[np.int64], known: NDArray[np.int64]
) -> None:
    counted = counts_of(values, strangers[:NAMED])
    named = ", ".join(f"{code} ({count} cells)" for code, count in counted.items())
    more = f" and {len(strangers) - NAMED} more codes" if len(strangers) > NAMED else ""
    first, last = (known.min(), known.max()) if len(known) else ("none", "none")
    raise InputError(
        f"{layer}: unknown codes {named}{more}; expected one of {len(known)} codes from {first} to "
        f"{last}: add them to the rules' table, or to the codes that mean missing"
    )
