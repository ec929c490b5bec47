"""Scores of a habitat map beside one of others (paper 2, table 4, Austria)."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from biomap_xr.evaluation.habitats.scores import ClassScore
from biomap_xr.habitats.comparison import Compared
from biomap_xr.habitats.eunis import NO_HABITAT, code_of


def reference_classes(compared: Compared) -> tuple[ClassScore, ...]:
    """Score each class that either map says, as paper 2 does for plots; cells in place of plots."""
    true: Counter[int] = Counter()
    found: Counter[int] = Counter()
    for (one, other), count in compared.pairs.items():
        true[one] += count
        found[other] += count
    found.pop(NO_HABITAT, None)
    scores = []
    for number in sorted(set(true) | set(found)):
        right, borne, named = compared.pairs[number, number], true[number], found[number]
        scores.append(
            ClassScore(
                code_of(number),
                borne,
                right / named if named else 0.0,
                right / borne if borne else 0.0,
                2 * right / (borne + named),
            )
        )
    return tuple(scores)


def reference_confusion(compared: Compared) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return codes, and cells by the reference's class (rows) and ours (columns).

    The last column is for cells of which our map has no habitat.
    """
    numbers = sorted({each for pair in compared.pairs for each in pair} - {NO_HABITAT})
    place = {number: index for index, number in enumerate([*numbers, NO_HABITAT])}
    matrix = np.zeros((len(numbers), len(numbers) + 1), np.int64)
    for (true, found), count in compared.pairs.items():
        matrix[place[true], place[found]] += count
    return tuple(code_of(number) for number in numbers), matrix
