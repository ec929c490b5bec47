"""From ranked species of many cells to habitats: each distinct sentence is read once.

Neighbouring cells often have the same species in the same order. All further steps work on the
distinct sentences, too, and only what goes onto the map is spread over the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.cube import NO_PERCENT, RANKS
from biomap_xr.habitats.eunis import NO_HABITAT, levels_above, number_of, roll_up
from biomap_xr.habitats.plantbert.fast import Reading
from biomap_xr.habitats.sentences import END

T = TypeVar("T", bound=np.generic)
NOWHERE = -1
"""Place of a cell without species among the distinct sentences."""
# Odd, so that no product loses a bit; from the fractional parts of known constants.
MULTIPLIER, MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
SHIFT = np.uint64(31)


class Reader(Protocol):
    """What reads sentences, such as `fast.FastClassifier`."""

    def read(self, sentences: NDArray[np.integer]) -> Reading:
        """Return the logits of sentences ``(n, K)``."""
        ...


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct sentences of cells, and which of them each cell has."""

    sentences: NDArray[np.int32]
    """``(distinct, K)``, none empty."""
    place: NDArray[np.intp]
    """``(n,)`` row of each cell's sentence, -1 where it is empty."""

    @property
    def empty(self) -> int:
        """Cells without any species."""
        return int((self.place == NOWHERE).sum())

    @property
    def share(self) -> float:
        """Distinct sentences in all that are not empty; 0 where there is none."""
        there = len(self.place) - self.empty
        return len(self.sentences) / there if there else 0.0


@dataclass(frozen=True, eq=False)
class Classified:
    """Probabilities of the habitats of cells."""

    distinct: NDArray[np.float32]
    """``(distinct, habitat)``, rows sum to 1."""
    place: NDArray[np.intp]
    """``(n,)`` row of each cell, -1 where it has no species."""
    repeated: int
    """Distinct sentences that were read again in float32."""

    @property
    def empty(self) -> int:
        """Cells without any species."""
        return int((self.place == NOWHERE).sum())

    @property
    def probability(self) -> NDArray[np.float32]:
        """``(n, habitat)`` of each cell, NaN where it has no species."""
        return _spread(self.distinct, self.place, np.float32(np.nan))


@dataclass(frozen=True, eq=False)
class HabitatMaps:
    """What the habitat cube holds of n cells, or of a tile ``(y, x)`` in their place."""

    habitat: NDArray[np.uint16]
    """``(rank, n)`` numbers of the most probable habitats."""
    confidence: NDArray[np.uint8]
    """``(rank, n)`` their probabilities in percent."""
    level2: NDArray[np.uint16]
    """``(n,)`` numbers."""
    level2_confidence: NDArray[np.uint8]
    """``(n,)`` percent: the probabilities of the class's habitats, summed."""
    level1: NDArray[np.uint16]
    """``(n,)`` numbers."""
    level1_confidence: NDArray[np.uint8]
    """``(n,)`` percent."""
    probability: NDArray[np.uint8] | None
    """``(habitat, n)`` percent, where it is kept."""

    def on_tile(
        self, valid: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.uint16] | NDArray[np.uint8]]:
        """Put the cells in their places and fills elsewhere.

        Args:
            valid: ``(y, x)``, as many as there are cells, row by row.

        Returns:
            Variables of the habitat cube by name, (..., y, x).

        Raises:
            InputError: There are more or fewer cells.
        """
        if int(valid.sum()) != len(self.level1):
            raise InputError(
                f"{len(self.level1)} cells for a tile with {int(valid.sum())} valid ones; expected "
                "the same: classify the sentences of all valid cells, row by row"
            )
        fills = {"habitat": NO_HABITAT, "level2": NO_HABITAT, "level1": NO_HABITAT}
        maps = {}
        for name, values in vars(self).items():
            if values is not None:
                fill = fills.get(name, NO_PERCENT)
                maps[name] = np.full((*values.shape[:-1], *valid.shape), fill, values.dtype)
                maps[name][..., valid] = values
        return maps


def distinct_sentences(sentences: NDArray[np.integer]) -> Distinct:
    """Find the distinct sentences among those of many cells.

    Args:
        sentences: ``(n, K)`` indices of species, -1 behind the last.

    >>> found = distinct_sentences(np.array([[3, 1], [3, 1], [-1, -1], [1, 3]]))
    >>> found.sentences.tolist(), found.place.tolist()
    ([[3, 1], [1, 3]], [0, 0, -1, 1])
    """
    there = np.flatnonzero((sentences != END).any(axis=1))
    rows = np.ascontiguousarray(sentences[there], np.int32)
    _, first, which = np.unique(_marks(rows), return_index=True, return_inverse=True)
    if not np.array_equal(rows[first[which]], rows):
        # Two sentences share a mark, which chance alone brings about once in 10^8 tiles.
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    # In the order of their first cells, so that neighbours stay together.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    place = np.full(len(sentences), NOWHERE, np.intp)
    place[there] = rank[which.reshape(-1)]
    return Distinct(rows[first[order]], place)


def classify(reader: Reader, sentences: NDArray[np.integer]) -> Classified:
    """Read the sentences of cells, equal ones once.

    Args:
        reader: The classifier.
        sentences: ``(n, K)`` indices of species, the most dominant first, -1 behind the last.

    Raises:
        InputError: A species is unknown to the classifier, or a sentence is too long for it.
    """
    found = distinct_sentences(sentences)
    reading = reader.read(found.sentences)
    return Classified(_softmax(reading.logits), found.place, reading.repeated)


def map_habitats(
    classified: Classified,
    codes: Sequence[str],
    *,
    probabilities: bool = False,
    levels: Literal["inferred", "summed"] = "inferred",
) -> HabitatMaps:
    """Turn probabilities into what the habitat cube holds.

    Args:
        classified: Of n cells.
        codes: Level-3 code of each habitat.
        probabilities: Whether the probability of every habitat is kept, too.
        levels: Whether levels 1 and 2 are inferred from the most probable habitat (paper 1,
            section 4), or are the classes with the highest sum.

    Raises:
        InputError: There are more or fewer codes than habitats, or one is no code.
    """
    distinct = classified.distinct
    if len(codes) != distinct.shape[1]:
        raise InputError(
            f"{len(codes)} codes for probabilities of {distinct.shape[1]} habitats; expected one "
            "code each: give those of the model that made them"
        )
    numbers = np.array([number_of(code) for code in codes], np.uint16)
    best = _best(distinct)
    chosen = np.take_along_axis(distinct, best, axis=1)
    habitat = _in_ranks(numbers[best], NO_HABITAT)
    confidence = _in_ranks(_percent(chosen), NO_PERCENT)
    kept = _percent(distinct) if probabilities else None
    place = classified.place
    named = best[:, 0] if levels == "inferred" else None
    level1, level1_confidence = _level(distinct, codes, 1, named)
    level2, level2_confidence = _level(distinct, codes, 2, named)
    none, unsure = np.uint16(NO_HABITAT), np.uint8(NO_PERCENT)
    return HabitatMaps(
        habitat=_spread(habitat, place, none).T,
        confidence=_spread(confidence, place, unsure).T,
        level2=_spread(level2, place, none),
        level2_confidence=_spread(level2_confidence, place, unsure),
        level1=_spread(level1, place, none),
        level1_confidence=_spread(level1_confidence, place, unsure),
        probability=None if kept is None else _spread(kept, place, unsure).T,
    )


def _marks(rows: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Give each row ``(n, K)`` a number of 64 bits that hardly any other row has, ``(n,)``."""
    marks = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        marks = (marks ^ (column.astype(np.uint64) + MULTIPLIER)) * MIXER
        marks ^= marks >> SHIFT
    return marks


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits ``(n, habitat)`` into probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _best(probability: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the three highest of each row ``(n, habitat)``; of equal ones the first comes first."""
    left = probability.copy()
    rows, found = np.arange(len(left)), []
    for _ in range(min(RANKS, left.shape[1])):
        found.append(left.argmax(axis=1))
        left[rows, found[-1]] = -1
    return np.stack(found, axis=1)


def _in_ranks(values: NDArray[T], fill: int) -> NDArray[T]:
    """Widen ``(n, ranks)``, at most 3, to all ranks ``(n, 3)``."""
    return np.pad(values, ((0, 0), (0, RANKS - values.shape[1])), constant_values=fill)


def _percent(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(probability * 100).astype(np.uint8)


def _level(
    probability: NDArray[np.float32],
    codes: Sequence[str],
    level: int,
    named: NDArray[np.intp] | None,
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Find the class of a coarser level, its number ``(n,)`` and percent ``(n,)``.

    It is the parent of the named habitat ``(n,)``, or without one the class with the highest sum.
    """
    classes, summed = roll_up(probability.T, codes, level)
    chosen = summed.argmax(axis=0) if named is None else levels_above(codes, level)[1][named]
    numbers = np.array([number_of(code) for code in classes], np.uint16)
    # Sums of float32 may exceed 1 by their rounding, which whole percent do not show.
    return numbers[chosen], _percent(summed[chosen, np.arange(len(chosen))])


def _spread(values: NDArray[T], place: NDArray[np.intp], fill: T) -> NDArray[T]:
    """Give each cell the values (distinct, ...) of its sentence, (n, ...)."""
    spread = np.full((len(place), *values.shape[1:]), fill, values.dtype)
    there = place != NOWHERE
    spread[there] = values[place[there]]
    return spread
