"""Vegetation plots: which species cover how much of the ground, and which habitat that makes."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Plots:
    """Vegetation plots with covers and, where known, EUNIS labels."""

    plot_id: NDArray[np.object_]
    """(plot,) names, each once."""
    cover: csr_array
    """(plot, species) float32 percent of the ground, 0 to 100; without stored zeros."""
    species: tuple[str, ...]
    """Names as curated: lower-case binomials, or as in the source before curation."""
    labels: tuple[tuple[str, ...], ...]
    """(plot,) EUNIS codes of each; several where a source names several, none where unknown."""
    longitude: NDArray[np.float64]
    """(plot,) degrees, WGS84; NaN where unknown."""
    latitude: NDArray[np.float64]
    """(plot,) degrees, WGS84; NaN where unknown."""
    site: NDArray[np.object_]
    """(plot,) place that plots of several years share; its own name where there is no other."""
    header: pd.DataFrame
    """One row a plot with further fields under these names where a source has them: year, area_m2,
    uncertainty_m, country, altitude_m, ecoregion, coast, dunes, dataset."""

    def __len__(self) -> int:
        return len(self.plot_id)

    def select(self, chosen: NDArray[Any]) -> Self:
        """Return some of the plots, by a mask (plot,) or by indices."""
        index = np.arange(len(self))[chosen]
        return replace(
            self,
            plot_id=self.plot_id[index],
            cover=self.cover[index],
            labels=tuple(self.labels[each] for each in index),
            longitude=self.longitude[index],
            latitude=self.latitude[index],
            site=self.site[index],
            header=self.header.iloc[index].reset_index(drop=True),
        )

    def with_labels(self, labels: tuple[tuple[str, ...], ...]) -> Self:
        """Return the plots with other labels."""
        return replace(self, labels=labels)
