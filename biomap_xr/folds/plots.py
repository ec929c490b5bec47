"""Which plots are held out together: whole blocks of space, or whole sites, in folds of one size.

Plots near each other are alike, so a plot beside those that a model was trained on flatters it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pyproj import Transformer
from pyproj.exceptions import CRSError

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import blocks_of
from biomap_xr.grid import Points
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.report import listed
from biomap_xr.settings import Settings

EXACT = 9
"""Decimals of a coordinate in blocks: 0.3 / 0.1 is the edge of block 3, not 2.9999999999999996."""


class PlotFoldSettings(Settings):
    """How plots are split for cross-validation; as published for Pl@ntBERT by default."""

    blocks: Literal["degrees", "metres", "site"] = "degrees"
    """What stays together: squares of longitude and latitude, squares of a projection, or the plots
    of one site."""
    degrees: float = Field(0.1, gt=0, le=90)
    """Side of a block in degrees (paper 1, Pl@ntBERT)."""
    metres: float = Field(10_000.0, gt=0)
    """Side of a block in metres."""
    crs: str = "EPSG:3035"
    """Projection of blocks in metres."""
    folds: int = Field(10, ge=2)
    balance: Literal["plots", "labels"] = "plots"
    """What folds have in equal shares: plots, or plots and each of the labels."""
    seed: int = Field(123, ge=0)
    """Which of equally large blocks comes first."""


@dataclass(frozen=True)
class FoldBalance:
    """What one fold holds."""

    fold: int
    blocks: int
    plots: int
    share: float
    """Share of all plots, 0 to 1."""
    labelled: int
    """Plots with a label."""
    habitats: int
    """Labels that occur."""
    only_here: tuple[str, ...]
    """Labels of no other fold: nothing knows them when this one is held out."""


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
    return _dealt(_amounts(plots, block, settings), settings)[block]


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
        x, y = _projection(settings.crs).transform(plots.longitude, plots.latitude)
        numbers = blocks_of(Points(x, y), settings.metres)
    else:
        degrees = np.stack([plots.longitude, plots.latitude], axis=-1)
        numbers = np.floor(np.round(degrees / settings.degrees, EXACT)).astype(np.int64)
    return np.array([f"{east}_{north}" for east, north in numbers.tolist()], str)


def fold_balance(
    plots: Plots, fold: NDArray[np.int64], settings: PlotFoldSettings
) -> tuple[FoldBalance, ...]:
    """Count what each fold holds, from the fold of each plot ``(plot,)``."""
    block = blocks_of_plots(plots, settings)
    labels = [
        {code for index in np.flatnonzero(fold == number) for code in plots.labels[index]}
        for number in range(settings.folds)
    ]
    labelled = np.array([bool(codes) for codes in plots.labels], bool)
    return tuple(
        FoldBalance(
            fold=number,
            blocks=len(np.unique(block[fold == number])),
            plots=int((fold == number).sum()),
            share=float((fold == number).mean()),
            labelled=int(labelled[fold == number].sum()),
            habitats=len(here),
            only_here=tuple(sorted(here.difference(*labels[:number], *labels[number + 1 :]))),
        )
        for number, here in enumerate(labels)
    )


def _amounts(
    plots: Plots, block: NDArray[np.int64], settings: PlotFoldSettings
) -> NDArray[np.float64]:
    """Return shares of all plots, and of each label where asked for, (block, 1 + label)."""
    count = int(block.max()) + 1
    codes = sorted({code for labels in plots.labels for code in labels})
    column = {code: 1 + index for index, code in enumerate(codes)}
    amounts = np.zeros((count, 1 + len(codes) if settings.balance == "labels" else 1))
    amounts[:, 0] = np.bincount(block, minlength=count)
    if settings.balance == "labels":
        pairs = [(row, column[code]) for row, labels in enumerate(plots.labels) for code in labels]
        row, label = np.array(pairs, np.int64).reshape(-1, 2).T
        np.add.at(amounts, (block[row], label), 1.0)
    return amounts / amounts.sum(axis=0)


def _dealt(amounts: NDArray[np.float64], settings: PlotFoldSettings) -> NDArray[np.int64]:
    """Return the fold of each block, ``(block,)``, from the shares that it has ``(block, kind)``.

    A block goes where it adds least to the sum of the squared shares of all folds and kinds, the
    variance between folds: there the scalar product of its shares and the fold's is least.
    """
    shuffled = np.random.default_rng(settings.seed).permutation(len(amounts))
    size = np.square(amounts[shuffled]).sum(axis=1)
    # Large blocks first: small ones can still even out what these did.
    held = np.zeros((settings.folds, amounts.shape[1]))
    fold = np.empty(len(amounts), np.int64)
    for block in shuffled[np.argsort(-size, kind="stable")]:
        load = held @ amounts[block]
        # Folds that have nothing of a block's labels are alike; the one with fewest plots takes it.
        chosen = int(np.lexsort((held[:, 0], np.round(load, 15)))[0])
        fold[block], held[chosen] = chosen, held[chosen] + amounts[block]
    return fold


@cache
def _projection(crs: str) -> Transformer:
    """Return the way from degrees (WGS 84) to a CRS; PROJ takes long to find it."""
    try:
        return Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    except CRSError as e:
        raise InputError(
            f"CRS {crs!r} of blocks of plots is not known; expected one such as EPSG:3035"
        ) from e
