"""Which plots are held out together: whole blocks of space, or whole sites, in folds of one size.

Plots near each other are alike, so a plot beside those that a model was trained on flatters it.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import CRSError

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import block_names, blocks_of
from biomap_xr.folds.dealing import by_variance
from biomap_xr.folds.settings import PlotFoldSettings
from biomap_xr.grid import Points
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.report import listed

EXACT = 9
"""Decimals of a coordinate in blocks: 0.3 / 0.1 is the edge of block 3, not 2.9999999999999996."""


def fold_of_plots(plots: Plots, settings: PlotFoldSettings) -> NDArray[np.int64]:
    """Return the fold of each plot, 0 to ``folds`` - 1, ``(plot,)``; the plots of a block share it.

    Blocks are dealt out from the largest to the smallest, each to the fold that is emptiest of what
    the block has. The order of the plots does not matter.

    Raises:
        InputError: There are fewer blocks than folds, or coordinates are missing.
    """
    names = blocks_of_plots(plots, settings)
    blocks, block = np.unique(names, return_inverse=True)
    if len(blocks) < settings.folds:
        raise InputError(
            f"{len(plots)} plots lie in {len(blocks)} blocks ({settings.blocks}), fewer than "
            f"{settings.folds} folds; expected one block a fold at least: choose smaller blocks, "
            "fewer folds, or blocks by site"
        )
    amounts = np.bincount(block)[:, None].astype(float)
    if settings.balance == "labels":
        codes = sorted({code for labels in plots.labels for code in labels})
        column = {code: index for index, code in enumerate(codes)}
        of_label = np.zeros((len(blocks), len(codes)))
        for home, labels in zip(block, plots.labels, strict=True):
            for code in labels:
                of_label[home, column[code]] += 1
        amounts = np.hstack([amounts, of_label])
    return by_variance(amounts / amounts.sum(axis=0), settings.folds, settings.seed)[block]


def blocks_of_plots(plots: Plots, settings: PlotFoldSettings) -> NDArray[Any]:
    """Return the name of each plot's block, ``(plot,)``: ``east_north`` in blocks, or the site.

    Blocks count from 0 degrees, or from the origin of the CRS, so more plots do not move them.

    Raises:
        InputError: Coordinates are missing, or the CRS is not known.
    """
    if settings.blocks == "site":
        return plots.site.astype(str)
    unknown = ~(np.isfinite(plots.longitude) & np.isfinite(plots.latitude))
    if unknown.any():
        raise InputError(
            f"{int(unknown.sum())} of {len(plots)} plots have no coordinates, "
            f"{listed(plots.plot_id[unknown])}; expected some for blocks in {settings.blocks}: "
            "filter by coordinates, or take blocks by site"
        )
    if settings.blocks == "metres":
        points = Points(*_projection(settings.crs).transform(plots.longitude, plots.latitude))
        return block_names(blocks_of(points, settings.metres))
    degrees = np.stack([plots.longitude, plots.latitude])
    return block_names(blocks_of(Points(*np.round(degrees / settings.degrees, EXACT)), 1))


@cache
def _projection(crs: str) -> Transformer:
    """Return the way from degrees (WGS 84) to a CRS; PROJ takes long to find it."""
    try:
        return Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except CRSError as e:
        raise InputError(
            f"CRS {crs!r} of blocks of plots is not known; expected one such as EPSG:3035"
        ) from e
