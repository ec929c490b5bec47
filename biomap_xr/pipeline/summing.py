"""What the receipts of all tiles add up to, without opening a cube."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Receipt
from biomap_xr.run.plan import Plan


@dataclass(frozen=True, eq=False)
class MapSums:
    """Statistics of tiles; those of several tiles add up."""

    tiles: int = 0
    cells: int = 0
    """Cells with a prediction."""
    moved: int = 0
    """Water cells that took the prediction of the nearest land."""
    richness: float = 0.0
    """Expected species, summed over cells."""
    stored: float = 0.0
    """The same after rounding and the storage floor."""
    occupied: NDArray[np.float64] | float = 0.0
    """``(species,)`` cells above each species' threshold."""

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> Self:
        """Return the statistics of one tile."""
        found = receipt.statistics
        return cls(
            1,
            int(np.asarray(found["cells"])),
            int(np.asarray(found["moved"])),
            float(np.asarray(found["richness"])),
            float(np.asarray(found["stored_richness"])),
            np.asarray(found["occupied"], np.float64),
        )

    @classmethod
    def of(cls, workspace: Workspace, fingerprint: str | None = None) -> Self:
        """Sum up the receipts of the map's tiles, by default those of the latest run's program.

        Receipts of a former program stay until their tile is made again; they do not count.
        """
        plan = Plan.read(workspace.plan("maps"))
        wanted = fingerprint or (plan.fingerprint if plan else "")
        receipts = workspace.ledger("maps").receipts()
        tiles = (cls.of_receipt(each) for each in receipts if each.fingerprint == wanted)
        return reduce(add, tiles, cls())

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.tiles + other.tiles,
            self.cells + other.cells,
            self.moved + other.moved,
            self.richness + other.richness,
            self.stored + other.stored,
            self.occupied + other.occupied,
        )

    @property
    def lost(self) -> float:
        """Share of the expected richness that the stored cube misses; 0 where there is none.

        >>> MapSums(richness=200.0, stored=199.0).lost
        0.005
        """
        return (self.richness - self.stored) / self.richness if self.richness else 0.0
