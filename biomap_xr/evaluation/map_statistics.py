"""Where the mapped species are: the numbers of paper 1, section 4, counted shard by shard."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.species.cube import LEVELS

SQUARE_METRES_PER_KM2 = 1e6


@dataclass(frozen=True, eq=False)
class SpeciesCounts:
    """Cells of every species; counts of disjoint parts of the map add up to those of the map."""

    cells: NDArray[np.int64]
    """Cells where the species is present ``(species,)``."""
    valid: int
    """Cells with a prediction."""

    @classmethod
    def zero(cls, species: int) -> "SpeciesCounts":
        """Return the counts of no cell at all.

        >>> SpeciesCounts.zero(2).cells
        array([0, 0])
        """
        return cls(np.zeros(species, np.int64), 0)

    @classmethod
    def of(cls, levels: ArrayLike, threshold: ArrayLike, valid: ArrayLike) -> "SpeciesCounts":
        """Count the cells of one part of the map.

        Args:
            levels: stored probability ``(species, y, x)``, uint8, 0 to 250; 0 is never present.
            threshold: of presence ``(species,)``, 0 to 1.
            valid: where a prediction exists ``(y, x)``.

        >>> SpeciesCounts.of([[[0, 100]]], [0.4], [[1, 1]]).cells
        array([1])
        """
        where = np.asarray(valid, bool)
        lowest = lowest_level(threshold)[:, np.newaxis, np.newaxis]
        present = (np.asarray(levels) >= lowest) & where
        return cls(present.sum(axis=(1, 2), dtype=np.int64), int(where.sum()))

    def __add__(self, other: "SpeciesCounts") -> "SpeciesCounts":
        if self.cells.shape != other.cells.shape:
            raise InputError(
                f"counts of {self.cells.size} and of {other.cells.size} species do not add up; "
                "expected the same species table: count parts of one cube"
            )
        return SpeciesCounts(self.cells + other.cells, self.valid + other.valid)


def lowest_level(threshold: ArrayLike) -> NDArray[np.int64]:
    """Lowest stored level ``(species,)`` that is at or above a threshold ``(species,)``, 1 to 251.

    251, which no cell holds, stands for a threshold that is not a number or above 1: never present.

    >>> lowest_level([0.0, 0.4, 0.401, 1.0, float("nan")])
    array([  1, 100, 101, 250, 251])
    """
    wanted = np.asarray(threshold, np.float64) * LEVELS
    # A threshold of level / 250 that was kept as float32 is off by up to 1.5e-5 levels.
    level = np.ceil(wanted - 1e-4)
    within = np.isfinite(wanted) & (level <= LEVELS)
    return np.where(within, np.maximum(level, 1), LEVELS + 1).astype(np.int64)


@dataclass(frozen=True)
class SpeciesArea:
    """One species on the map."""

    name: str
    cells: int
    area_km2: float
    share: float
    """Of the mapped area, 0 to 1."""


@dataclass(frozen=True)
class MapStatistics:
    """The numbers of paper 1, section 4."""

    modelled: int
    """Species that the model knows."""
    mapped: int
    """Species that are present somewhere."""
    valid_cells: int
    """Cells with a prediction."""
    area_km2: float
    """Their area."""
    mean_cells: float
    """Cells of a mapped species, on average."""
    mean_area_km2: float
    mean_share: float
    """Of the mapped area, 0 to 1."""
    widest: tuple[SpeciesArea, ...]
    """The most widespread species, the widest first."""

    def record(self) -> dict[str, Any]:
        """Return the statistics as plain values for JSON."""
        return asdict(self)


PAPER_STATISTICS = MapStatistics(
    modelled=11_255,
    mapped=5_558,
    valid_cells=5_500_000_000,
    area_km2=13_750_000.0,
    mean_cells=132.8e6,
    mean_area_km2=332_000.0,
    mean_share=0.024,
    widest=(SpeciesArea("Agrostis capillaris L.", 3_230_000_000, 8_075_000.0, 0.586),),
)
"""Paper 1, section 4: Europe at 50 m. Areas that it does not print follow from its cells."""


def summarise(
    counts: SpeciesCounts, names: Sequence[str], *, resolution: float, widest: int = 10
) -> MapStatistics:
    """Turn counts of cells into the numbers of paper 1, section 4.

    Args:
        counts: cells of every species ``(species,)``.
        names: of the species, in the same order.
        resolution: side of a cell in metres.
        widest: how many of the most widespread species to name.

    Raises:
        InputError: where there are not as many names as species.

    >>> counts = SpeciesCounts(np.array([0, 30, 10]), 40)
    >>> summarise(counts, ["a", "b", "c"], resolution=1000).mean_area_km2
    20.0
    """
    if len(names) != counts.cells.size:
        raise InputError(
            f"{len(names)} names for {counts.cells.size} counted species; expected one each: "
            "pass the names of the cube that was counted"
        )
    area = resolution**2 / SQUARE_METRES_PER_KM2
    # Paper 1 maps 5,558 of 11,255 species; its average is read as one over the mapped.
    mapped = counts.cells > 0
    mean = float(counts.cells[mapped].mean()) if mapped.any() else 0.0
    # Stable, so that equal areas keep the order of the species table.
    order = np.argsort(-counts.cells, kind="stable")[:widest]
    return MapStatistics(
        modelled=counts.cells.size,
        mapped=int(mapped.sum()),
        valid_cells=counts.valid,
        area_km2=counts.valid * area,
        mean_cells=mean,
        mean_area_km2=mean * area,
        mean_share=_share(mean, counts.valid),
        widest=tuple(
            SpeciesArea(str(names[i]), cells, cells * area, _share(cells, counts.valid))
            for i in order
            if (cells := int(counts.cells[i])) > 0
        ),
    )


def _share(cells: float, valid: int) -> float:
    return cells / valid if valid else 0.0
