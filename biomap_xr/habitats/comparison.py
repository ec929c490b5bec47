"""A habitat map beside one of others: cells counted at each level, in parts that add up."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import LEVELS, NO_HABITAT

STEP = {1: 1000, 2: 100, 3: 1}
"""Between the numbers of two classes of a level."""


def level_numbers(numbers: NDArray[np.uint16], level: int) -> NDArray[np.uint16]:
    """Return the classes of a level that habitats (...) belong to, 65535 where they are coarser.

    >>> level_numbers(np.array([7107, 7100, 7000, 65535], np.uint16), 2).tolist()
    [7100, 7100, 65535, 65535]
    """
    step = np.uint16(STEP[level])
    fine = (numbers >= STEP[1]) & (numbers != NO_HABITAT)
    if level > 1:
        # A class of level 1 says nothing of level 2, where its number would be its own again.
        fine &= numbers % STEP[level - 1] != 0
    return np.where(fine, numbers // step * step, np.uint16(NO_HABITAT))


def majority(
    points: NDArray[np.uint16], subsamples: int
) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Return the most frequent class of each cell and its share of the cell's points.

    Args:
        points: (y * subsamples, x * subsamples) numbers of one level, 65535 where there is none.
        subsamples: Points along the side of a cell.

    Returns:
        ``(y, x)`` numbers, of equally frequent classes the smaller one, 65535 where no point has a
        class; and shares from 0 to 1 of all points, those without a class included.

    >>> number, share = majority(np.array([[7107, 7107], [5202, 65535]], np.uint16), 2)
    >>> number.tolist(), share.tolist()
    ([[7107]], [[0.5]])
    """
    height, width = (size // subsamples for size in points.shape)
    cells = points.reshape(height, subsamples, width, subsamples)
    number = np.full((height, width), NO_HABITAT, np.uint16)
    most = np.zeros((height, width), np.int64)
    for code in np.unique(points[points != NO_HABITAT]):
        count = (cells == code).sum(axis=(1, 3))
        number[count > most] = code
        most = np.maximum(most, count)
    return number, most / subsamples**2


@dataclass(frozen=True)
class Compared:
    """Cells by what the reference and our map say of them, at one level; parts add up."""

    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Cells by the reference's number and ours; ours is 65535 where the map has no habitat."""
    among: int = 0
    """Cells of which one of the map's ranks is the reference's class."""
    mixed: int = 0
    """Cells left out: no class of the reference has the share that is asked for."""

    @classmethod
    def of(
        cls,
        ranks: NDArray[np.uint16],
        points: NDArray[np.uint16],
        *,
        subsamples: int,
        level: int,
        minimum_share: float,
    ) -> Self:
        """Compare one part of a map.

        Args:
            ranks: ``(rank, y, x)`` numbers of the map, the first one first.
            points: (y * subsamples, x * subsamples) numbers of the reference, 65535 where it has no
                habitat or does not count.
            subsamples: Points of the reference along the side of a cell.
            level: 1 to 3.
            minimum_share: Of a cell's points, that its most frequent class must have.

        Raises:
            InputError: Map and reference have other shapes.
        """
        expected = tuple(size * subsamples for size in ranks.shape[1:])
        if points.shape != expected:
            raise InputError(
                f"a reference of {points.shape} points beside a map of {ranks.shape[1:]} cells; "
                f"expected {expected} points: read both on one grid"
            )
        true, share = majority(level_numbers(points, level), subsamples)
        counts = (true != NO_HABITAT) & (share >= minimum_share)
        wanted = true[counts]
        found = np.stack([level_numbers(rank, level)[counts] for rank in ranks])
        pairs = zip(wanted.tolist(), found[0].tolist(), strict=True)
        return cls(
            pairs=Counter(pairs),
            among=int((found == wanted).any(axis=0).sum()),
            mixed=int((true != NO_HABITAT).sum() - counts.sum()),
        )

    def __add__(self, other: "Compared") -> "Compared":
        return Compared(
            self.pairs + other.pairs, self.among + other.among, self.mixed + other.mixed
        )

    @property
    def cells(self) -> int:
        """Cells of which the reference has a class, and enough of it."""
        return self.pairs.total()

    @property
    def without(self) -> int:
        """Of them, those of which our map has no habitat; they count as wrong."""
        return sum(count for (_, found), count in self.pairs.items() if found == NO_HABITAT)

    @property
    def accuracy(self) -> float:
        """Share of the cells where both say the same, 0 to 1; NaN without cells."""
        right = sum(count for (true, found), count in self.pairs.items() if true == found)
        return right / self.cells if self.cells else float("nan")

    @property
    def accuracy_among(self) -> float:
        """Share of the cells of which one of the three ranks is the reference's class."""
        return self.among / self.cells if self.cells else float("nan")


def compare(
    ranks: NDArray[np.uint16],
    points: NDArray[np.uint16],
    *,
    subsamples: int,
    minimum_share: float,
) -> dict[int, Compared]:
    """Compare a part of a map at every level; arguments as `Compared.of`'s.

    Raises:
        InputError: Map and reference have other shapes.
    """
    return {
        level: Compared.of(
            ranks, points, subsamples=subsamples, level=level, minimum_share=minimum_share
        )
        for level in LEVELS
    }
