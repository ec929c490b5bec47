"""Vegetation plots: which species cover how much of the ground, and which habitat that makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from biomap_xr.errors import InputError
from biomap_xr.observations.report import listed


@dataclass(frozen=True, eq=False)
class Plots:
    """Vegetation plots with covers and, where known, EUNIS labels."""

    plot_id: NDArray[np.object_]
    """``(plot,)`` names, each once."""
    cover: csr_array
    """``(plot, species)`` float32 percent of the ground, above 0 and without stored zeros; above
    100 only where a source has a species in several layers, which are summed."""
    species: tuple[str, ...]
    """Names as curated: lower-case binomials, or as in the source before curation."""
    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` EUNIS codes of each; several where a source names several, none where unknown."""
    longitude: NDArray[np.float64]
    """``(plot,)`` degrees, WGS84; NaN where unknown."""
    latitude: NDArray[np.float64]
    """``(plot,)`` degrees, WGS84; NaN where unknown."""
    site: NDArray[np.object_]
    """``(plot,)`` place that plots of several years share; its own name where there is no other."""
    header: pd.DataFrame
    """One row a plot with further fields under these names where a source has them: year, area_m2,
    uncertainty_m, country, altitude_m, ecoregion, coast, dunes, dataset, cover_scale."""

    def __post_init__(self) -> None:
        count = len(self.plot_id)
        lengths = {
            "cover": self.cover.shape[0],
            "labels": len(self.labels),
            "longitude": len(self.longitude),
            "latitude": len(self.latitude),
            "site": len(self.site),
            "header": len(self.header),
        }
        if set(lengths.values()) - {count} or self.cover.shape[1] != len(self.species):
            raise InputError(
                f"{count} plots of {len(self.species)} species have covers {self.cover.shape} and "
                f"fields of lengths {lengths}; expected one of each for a plot"
            )

    def __len__(self) -> int:
        return len(self.plot_id)

    def select(self, chosen: NDArray[Any]) -> Self:
        """Return some of the plots, by a mask ``(plot,)`` or by indices."""
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

    def select_species(self, chosen: NDArray[Any]) -> Self:
        """Return all plots with some of the species, by a mask ``(species,)`` or by indices."""
        index = np.arange(len(self.species))[chosen]
        cover = csr_array(self.cover[:, index])
        cover.sort_indices()
        return replace(self, cover=cover, species=tuple(self.species[each] for each in index))

    def with_labels(self, labels: tuple[tuple[str, ...], ...]) -> Self:
        """Return the plots with other labels."""
        return replace(self, labels=labels)


def joined(parts: Sequence[Plots]) -> Plots:
    """Return the plots of several tables one after the other, with the species of any.

    Raises:
        InputError: Two tables have a plot of the same name.
    """
    if len(parts) == 1:
        return parts[0]
    plot_id = np.concatenate([part.plot_id for part in parts])
    names = pd.Series(plot_id)
    twice = names[names.duplicated()]
    if len(twice):
        raise InputError(
            f"{len(twice)} plots have the name of another table's: {listed(twice)}; expected every "
            "name once: give one of the tables a prefix"
        )
    species = tuple(dict.fromkeys(name for part in parts for name in part.species))
    place = {name: index for index, name in enumerate(species)}
    return Plots(
        plot_id=plot_id,
        cover=csr_array(vstack([_widened(part, place) for part in parts])),
        species=species,
        labels=tuple(labels for part in parts for labels in part.labels),
        longitude=np.concatenate([part.longitude for part in parts]),
        latitude=np.concatenate([part.latitude for part in parts]),
        site=np.concatenate([part.site for part in parts]),
        header=pd.concat([part.header for part in parts], ignore_index=True),
    )


def _widened(part: Plots, place: dict[str, int]) -> csr_array:
    """Return the covers ``(plot, species)`` of one table among the species of all."""
    column = np.array([place[name] for name in part.species], np.int64)
    cover = part.cover
    wide = (cover.data, column[cover.indices], cover.indptr)
    matrix = csr_array(wide, shape=(len(part), len(place)))
    matrix.sort_indices()
    return matrix
