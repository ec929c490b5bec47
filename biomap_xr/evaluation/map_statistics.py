"""Where mapped species and habitats are: the numbers of paper 1, section 4."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.species.settings import ThresholdKind

SQUARE_METRES_PER_KM2 = 1e6


@dataclass(frozen=True)
class Area:
    """One species or habitat on the map."""

    name: str
    """Of the species, or code of the habitat."""
    cells: int
    area_km2: float
    share: float
    """Of the mapped area, 0 to 1."""


@dataclass(frozen=True)
class MapStatistics:
    """Paper 1's numbers of the maps of species, or of habitats."""

    modelled: int
    """Species or habitats that the model knows."""
    mapped: int
    """Of them, those that are present, or the likeliest, somewhere."""
    valid_cells: int
    """Cells with a prediction, or with a habitat."""
    area_km2: float
    """Their area."""
    mean_cells: float
    """Cells of a mapped species or habitat, on average."""
    mean_area_km2: float
    mean_share: float
    """Of the mapped area, 0 to 1."""
    widest: tuple[Area, ...]
    """The most widespread ones, the widest first."""
    presence: ThresholdKind | None = None
    """Kind of threshold from which a species counts as present; None for habitats."""
    threshold: float | None = None
    """Its value, 0 to 1, where it is one for all species and known."""

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
    widest=(Area("Agrostis capillaris L.", 3_230_000_000, 8_075_000.0, 0.586),),
    presence="f_score_global",
)
"""Paper 1, section 4: Europe at 50 m. Areas that it does not print follow from its cells."""

PAPER_HABITAT_STATISTICS = MapStatistics(
    modelled=200,
    mapped=200,
    valid_cells=5_554_000_000,
    area_km2=13_885_000.0,
    mean_cells=27.77e6,
    mean_area_km2=69_425.0,
    mean_share=0.0049,
    widest=(Area("R22", 681_500_000, 1_703_750.0, 0.1227),),
)
"""Paper 1, section 4: the same map; the number of cells follows from mean and count."""


def summarise(
    cells: NDArray[np.int64],
    names: Sequence[str],
    *,
    valid: int,
    resolution: float,
    widest: int = 10,
    presence: ThresholdKind | None = None,
    threshold: float | None = None,
) -> MapStatistics:
    """Turn counts of cells into the numbers of paper 1, section 4.

    Args:
        cells: in which each species is present, or each habitat the likeliest ``(class,)``.
        names: of the species, or codes of the habitats, in the same order.
        valid: cells with a prediction.
        resolution: side of a cell in metres.
        widest: how many of the most widespread ones to name.
        presence: kind of threshold from which a species counts as present.
        threshold: its value, where it is one for all species.

    Raises:
        InputError: where there are not as many names as counts.

    >>> summarise(np.array([0, 30, 10]), ["a", "b", "c"], valid=40, resolution=1000).mean_area_km2
    20.0
    """
    if len(names) != cells.size:
        raise InputError(
            f"{len(names)} names for {cells.size} counts of cells; expected one each: "
            "pass the names of the model that made the map"
        )
    area = resolution**2 / SQUARE_METRES_PER_KM2
    # Paper 1 maps 5,558 of 11,255 species; its average is read as one over the mapped.
    mapped = cells > 0
    mean = float(cells[mapped].mean()) if mapped.any() else 0.0
    # Stable, so that equal areas keep the order of the names.
    order = np.argsort(-cells, kind="stable")[: min(widest, int(mapped.sum()))]
    return MapStatistics(
        modelled=cells.size,
        mapped=int(mapped.sum()),
        valid_cells=valid,
        area_km2=valid * area,
        mean_cells=mean,
        mean_area_km2=mean * area,
        mean_share=mean / valid if valid else 0.0,
        widest=tuple(
            Area(str(names[i]), int(cells[i]), int(cells[i]) * area, int(cells[i]) / valid)
            for i in order
        ),
        presence=presence,
        threshold=threshold,
    )
