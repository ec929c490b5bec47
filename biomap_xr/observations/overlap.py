"""External plots that are training plots, too: scored, they would make a model look too good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from biomap_xr.observations.plot_settings import OverlapSettings
from biomap_xr.observations.plots import Plots

FAR = 10_000.0
"""Metres beyond which two plots of one name are two plots: collections number theirs from 1."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """Which external plots are among those of the training."""

    same_name: NDArray[np.bool_]
    """``(plot,)`` of one name, and not known to lie more than 10 km apart."""
    same_place: NDArray[np.bool_]
    """``(plot,)`` near a training plot of the same habitats or the same species."""
    distance: float
    """Metres that count as near."""

    @property
    def either(self) -> NDArray[np.bool_]:
        """``(plot,)`` all that overlap."""
        return self.same_name | self.same_place

    def __str__(self) -> str:
        return (
            f"{int(self.either.sum()):,} of {len(self.either):,} plots are among the training "
            f"plots: {int(self.same_name.sum()):,} by their name, {int(self.same_place.sum()):,} "
            f"within {self.distance:g} m of one with the same habitats or species"
        )


def overlap_of(
    external: Plots, training: Plots, crs: str, settings: OverlapSettings, prefix: str = ""
) -> Overlap:
    """Find the external plots that models were trained on.

    Args:
        external: With covers and labels as they are scored.
        training: All plots that models saw, curated in the same way.
        crs: In metres, in which distances are taken.
        settings: What counts as near.
        prefix: Written before the external plots' names, and no part of them.
    """
    ours, theirs = _metres(external, crs), _metres(training, crs)
    return Overlap(
        _same_name(external, training, (ours, theirs), prefix),
        _same_place(external, training, (ours, theirs), settings.distance),
        settings.distance,
    )


Places = tuple[NDArray[np.float64], NDArray[np.float64]]
"""``(plot, 2)`` metres of the external and the training plots, NaN where unknown."""


def _metres(plots: Plots, crs: str) -> NDArray[np.float64]:
    way = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    places = np.stack(way.transform(plots.longitude, plots.latitude), axis=-1)
    # PROJ says infinity of what has no place in a projection.
    return np.where(np.isfinite(places), places, np.nan)


def _same_name(external: Plots, training: Plots, places: Places, prefix: str) -> NDArray[np.bool_]:
    known = {str(name): index for index, name in enumerate(training.plot_id)}
    found = np.array(
        [known.get(str(name).removeprefix(prefix), -1) for name in external.plot_id], np.int64
    )
    away = np.linalg.norm(places[0] - places[1][found], axis=-1)
    # Not known to be far is one plot: NaN compares as false.
    return (found >= 0) & ~(away > FAR)


def _same_place(
    external: Plots, training: Plots, places: Places, distance: float
) -> NDArray[np.bool_]:
    placed = [np.flatnonzero(np.isfinite(each).all(axis=-1)) for each in places]
    out = np.zeros(len(external), bool)
    if not len(placed[0]) or not len(placed[1]):
        return out
    tree = cKDTree(places[1][placed[1]])
    near = tree.query_ball_point(places[0][placed[0]], distance)
    for plot, found in zip(placed[0].tolist(), near, strict=True):
        others = placed[1][found].tolist()
        labels, species = set(external.labels[plot]), _species(external, plot)
        out[plot] = any(
            (labels and labels == set(training.labels[other]))
            or (species and species == _species(training, other))
            for other in others
        )
    return out


def _species(plots: Plots, plot: int) -> set[str]:
    row = plots.cover.indices[plots.cover.indptr[plot] : plots.cover.indptr[plot + 1]]
    return {plots.species[each] for each in row.tolist()}
