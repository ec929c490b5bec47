"""How much of the map each habitat takes: the numbers of paper 1, section 4, "Habitat Maps"."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SQUARE_METRES_PER_KM2 = 1e6


@dataclass(frozen=True)
class HabitatArea:
    """One habitat on the map."""

    code: str
    cells: int
    area_km2: float
    share: float
    """Of the cells that have a habitat, 0 to 1."""


@dataclass(frozen=True)
class HabitatStatistics:
    """The numbers of paper 1's habitat maps."""

    modelled: int
    """Habitats of level 3 that the model knows."""
    mapped: int
    """Habitats that are the likeliest somewhere."""
    cells: int
    """Cells with a habitat."""
    mean_cells: float
    """Cells of a mapped habitat, on average."""
    mean_share: float
    """Of all cells with a habitat, 0 to 1."""
    widest: tuple[HabitatArea, ...]
    """By area, the widest first."""

    def record(self) -> dict[str, Any]:
        """Return the statistics as plain values for JSON."""
        return asdict(self)


PAPER_AREAS = HabitatStatistics(
    modelled=200,
    mapped=200,
    cells=5_554_000_000,
    mean_cells=27.77e6,
    mean_share=0.0049,
    widest=(HabitatArea("R22", 681_500_000, 1_703_750.0, 0.1227),),
)
"""Paper 1, section 4: Europe at 50 m; the number of cells follows from mean and count."""


def habitat_statistics(
    cells: Mapping[str, int], *, resolution: float, widest: int = 15
) -> HabitatStatistics:
    """Turn counts of cells into paper 1's numbers.

    Args:
        cells: Cells in which each habitat of the model is the likeliest, by its code.
        resolution: Side of a cell in metres.
        widest: How many habitats to name.

    >>> habitat_statistics({"R22": 30, "T17": 10, "Q11": 0}, resolution=1000).mean_cells
    20.0
    """
    total = sum(cells.values())
    mapped = {code: count for code, count in cells.items() if count}
    mean = total / len(mapped) if mapped else 0.0
    order = sorted(mapped, key=lambda code: (-mapped[code], code))[:widest]
    area = resolution**2 / SQUARE_METRES_PER_KM2
    return HabitatStatistics(
        modelled=len(cells),
        mapped=len(mapped),
        cells=total,
        mean_cells=mean,
        mean_share=mean / total if total else 0.0,
        widest=tuple(
            HabitatArea(code, mapped[code], mapped[code] * area, mapped[code] / total)
            for code in order
        ),
    )
