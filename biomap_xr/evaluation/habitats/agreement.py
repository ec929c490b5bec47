"""Habitat maps beside the truth of a simulated Europe, at the three levels of EUNIS."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import FORMATIONS, LEVELS, NO_HABITAT, number_of

# A number is 1000 a formation, 100 a level-2 class, 1 a level-3 class.
STEP = {1: 1000, 2: 100, 3: 1}
CELLS = 4_000_000
"""Cells of one layer that are read at a time."""


def number_at(numbers: NDArray[np.uint16], level: int) -> NDArray[np.uint16]:
    """Return the numbers (...) of the classes of a level that habitats belong to.

    What is no habitat keeps its number: surfaces without vegetation, and 65535.

    >>> number_at(np.array([7107, 100, 65535], np.uint16), 1).tolist()
    [7000, 100, 65535]
    """
    step = np.uint16(STEP[level])
    return np.where(is_habitat(numbers), numbers // step * step, numbers)


def is_habitat(numbers: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Say where numbers (...) stand for a habitat, and not for a surface or for nothing."""
    return (numbers >= STEP[1]) & (numbers != NO_HABITAT)


@dataclass(frozen=True)
class Agreement:
    """Cells of land where a map and the truth agree; those of disjoint parts add up."""

    cells: int = 0
    """Land cells with a habitat on the map."""
    right: tuple[int, int, int] = (0, 0, 0)
    """Of them, those whose first habitat is the true one at levels 1, 2 and 3."""
    among: int = 0
    """Of them, those whose true habitat is any of the ranks."""
    without: int = 0
    """Land cells without a habitat on the map."""
    true: Counter[int] = field(default_factory=Counter)
    """Of the cells with a habitat, how many truly bear each number."""

    @classmethod
    def of(cls, ranks: NDArray[np.uint16], true: NDArray[np.uint16]) -> "Agreement":
        """Compare one part of a map.

        Args:
            ranks: (rank, ...) numbers of the map's habitats, the likeliest first.
            true: (...) numbers of the truth; 65535 is no land, which does not count.

        Raises:
            InputError: Map and truth have other shapes.

        >>> Agreement.of(np.array([[7107], [5202]], np.uint16), np.array([7101], np.uint16)).right
        (1, 1, 0)
        """
        if ranks.shape[1:] != true.shape:
            raise InputError(
                f"the map has cells {ranks.shape[1:]} and the truth {true.shape}; expected the "
                "same: compare a map with the simulated Europe that it was made of"
            )
        land = is_habitat(true)
        mapped = land & is_habitat(ranks[0])
        found, wanted = ranks[:, mapped], true[mapped]
        equal = (number_at(found[0], level) == number_at(wanted, level) for level in LEVELS)
        first, second, third = (int(each.sum()) for each in equal)
        numbers, counts = np.unique(wanted, return_counts=True)
        return cls(
            cells=int(mapped.sum()),
            right=(first, second, third),
            among=int((found == wanted).any(axis=0).sum()),
            without=int(land.sum() - mapped.sum()),
            true=Counter(dict(zip(numbers.tolist(), counts.tolist(), strict=True))),
        )

    def __add__(self, other: "Agreement") -> "Agreement":
        first, second, third = (a + b for a, b in zip(self.right, other.right, strict=True))
        return Agreement(
            self.cells + other.cells,
            (first, second, third),
            self.among + other.among,
            self.without + other.without,
            self.true + other.true,
        )

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of the mapped land that are right at levels 1, 2 and 3; NaN where none is."""
        first, second, third = (_share(each, self.cells) for each in self.right)
        return first, second, third

    @property
    def share_among(self) -> float:
        """Share of the mapped land whose true habitat is any of the ranks; NaN where none is."""
        return _share(self.among, self.cells)

    @property
    def share_of_most_common(self) -> tuple[float, float, float]:
        """What a map of the most common true class alone would reach at levels 1, 2 and 3.

        >>> Agreement(cells=4, true=Counter({7107: 2, 7101: 1, 5202: 1})).share_of_most_common
        (0.75, 0.75, 0.5)
        """
        first, second, third = (_most_common(self.true, level) for level in LEVELS)
        return (
            _share(first, self.cells),
            _share(second, self.cells),
            _share(third, self.cells),
        )


def agreement_of(
    habitat: xr.DataArray, truth: xr.DataArray, formation: str | None = None
) -> Agreement:
    """Compare a whole map with the truth, a strip of rows at a time.

    Args:
        habitat: ``(rank, y, x)`` uint16 numbers of the map.
        truth: ``(y, x)`` uint16 numbers of the truth.
        formation: Level-1 code; cells that truly bear another one do not count.

    Raises:
        InputError: Map and truth have other shapes, or there is no such formation.
    """
    if formation is not None and formation not in FORMATIONS:
        raise InputError(
            f"formation {formation!r} is unknown; expected one of {', '.join(FORMATIONS)}"
        )
    total = Agreement()
    for rows in strips(truth):
        true = truth.isel(y=rows).to_numpy()
        if formation is not None:
            wanted = number_of(formation)
            true = np.where(number_at(true, 1) == wanted, true, np.uint16(NO_HABITAT))
        # Sea, and what another formation holds, costs one small read.
        if is_habitat(true).any():
            total += Agreement.of(habitat.isel(y=rows).to_numpy(), true)
    return total


def counted(layer: xr.DataArray) -> Counter[int]:
    """Count the cells of each value of a layer ``(y, x)`` of unsigned codes, by strips of rows."""
    total: Counter[int] = Counter()
    for rows in strips(layer):
        counts = np.bincount(layer.isel(y=rows).to_numpy().ravel())
        values = np.flatnonzero(counts)
        total.update(dict(zip(values.tolist(), counts[values].tolist(), strict=True)))
    return total


def strips(layer: xr.DataArray) -> Iterator[slice]:
    """Cut the rows of a layer (..., y, x) into whole shards that fit into memory together."""
    stored = layer.encoding.get("shards") or layer.encoding.get("chunks")
    shard = int(stored[layer.get_axis_num("y")]) if stored else 1
    fitting = CELLS // max(layer.sizes["x"], 1) // shard * shard
    step = max(fitting, shard, 1)
    return (slice(start, start + step) for start in range(0, layer.sizes["y"], step))


def _most_common(true: Counter[int], level: int) -> int:
    sums: Counter[int] = Counter()
    for number, count in true.items():
        sums[number // STEP[level]] += count
    return max(sums.values(), default=0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
