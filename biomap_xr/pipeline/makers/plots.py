"""The vegetation plots of a run: read, labelled, curated, placed on the grid."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import block_names, blocks_of
from biomap_xr.folds.plots import blocks_of_plots, fold_of_plots
from biomap_xr.folds.roles import Roles, split
from biomap_xr.grid import Cells, Grid
from biomap_xr.habitats.esy.labels import labelled
from biomap_xr.habitats.esy.system import ExpertSystem
from biomap_xr.habitats.eunis import LEVELS, level_of, normalise
from biomap_xr.habitats.settings import HabitatSettings
from biomap_xr.observations.curation import curate
from biomap_xr.observations.occurrences import locate
from biomap_xr.observations.plot_reading import gather_plots
from biomap_xr.observations.plot_report import CurationReport, counts_of
from biomap_xr.observations.plot_settings import PlotSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.sites import Sites
from biomap_xr.recipe import Recipe

logger = logging.getLogger(__name__)

FINEST = LEVELS[-1]
OUTSIDE = "outside"
"""Block of the plots that lie off the grid: they are resampled together."""


def finest(code: str) -> str:
    """Return a level-3 code in its one spelling.

    Raises:
        InputError: It is no code, or a coarser one, which no model learns.

    >>> finest("Pa")
    'P3a'
    """
    plain = normalise(code)
    if level_of(plain) != FINEST:
        raise InputError(f"habitat code {code!r} is of level {level_of(plain)}; expected level 3")
    return plain


def take_plots(settings: PlotSettings, habitats: HabitatSettings) -> tuple[Plots, CurationReport]:
    """Read, filter, label and curate plots.

    Raises:
        InputError: A table cannot be read, or no plot is left.
    """
    plots, tables, filtered = gather_plots(settings)
    if habitats.labels == "expert_system" and habitats.expert_system is not None:
        # Before curation: the rules know names that curation leaves out.
        found = ExpertSystem.read(habitats.expert_system).classify(plots)
        logger.info("names in %s: %s", habitats.expert_system.name, found.names)
        plots = labelled(plots, found)
    plots, steps = curate(plots, settings.curation, finest)
    return plots, CurationReport(tables, (*filtered, *steps), counts_of(plots))


def written_plots(settings: PlotSettings, plots: Plots) -> Plots:
    """Return the same plots with names as written, which an expert system reads best."""
    written, _, _ = gather_plots(settings)
    place = {name: index for index, name in enumerate(written.plot_id)}
    return written.select(np.array([place[name] for name in plots.plot_id], np.int64))


@dataclass(frozen=True, eq=False)
class PlacedPlots:
    """Curated plots with their cells and what is held out together."""

    plots: Plots
    cells: Cells
    """``(plot,)`` cell of the grid; -1 off the grid or without coordinates."""
    block: NDArray[np.str_]
    """``(plot,)`` block that is held out, and resampled, whole."""


def place(plots: Plots, recipe: Recipe) -> PlacedPlots:
    """Find the cell and the block of each plot.

    Raises:
        InputError: Blocks are asked for that the plots' coordinates cannot give.
    """
    grid = Grid.from_settings(recipe.grid)
    cells = locate(plots.longitude, plots.latitude, grid)
    if recipe.habitats.held_out == "folds":
        return PlacedPlots(plots, cells, blocks_of_plots(plots, recipe.habitats.folds))
    numbers = blocks_of(grid.centres_of(cells), recipe.folds.block_m)
    return PlacedPlots(plots, cells, np.where(cells.inside, block_names(numbers), OUTSIDE))


def species_roles(placed: PlacedPlots, recipe: Recipe, sites: Sites) -> Roles:
    """Give plots the roles of the species model's blocks, so that none is scored that it has seen.

    Validation and calibration blocks both validate; blocks without sites, and plots off the grid,
    train.

    Raises:
        InputError: No plot with a label lies in the test blocks.
    """
    grid = Grid.from_settings(recipe.grid)
    points = grid.centres_of(sites.cells)
    roles = split(points, recipe.folds, sites.surveyed)
    names = block_names(blocks_of(points, recipe.folds.block_m)).tolist()
    role_of = dict(zip(names, roles.labels().tolist(), strict=True))
    role = np.array([role_of.get(name, "train") for name in placed.block.tolist()])
    bears = np.array([bool(codes) for codes in placed.plots.labels])
    test = (role == "test") & bears
    if not test.any():
        raise InputError(
            f"none of {int(bears.sum())} plots with a habitat lies in the species model's test "
            "blocks; expected some to score: add plots, or take habitats.held_out: folds"
        )
    validation = (role == "validation") | (role == "calibration")
    return Roles(
        train=np.flatnonzero(~validation & (role != "test")),
        validation=np.flatnonzero(validation),
        test=np.flatnonzero(role == "test"),
    )


def fold_roles(placed: PlacedPlots, recipe: Recipe) -> tuple[Roles, ...]:
    """Return roles for cross-validation: each fold tests once, and all others train.

    No fold validates: small sets of plots cannot spare one, and the published training has none.

    Raises:
        InputError: There are fewer blocks than folds.
    """
    settings = recipe.habitats.folds
    fold = fold_of_plots(placed.plots, settings)
    return tuple(
        Roles(np.flatnonzero(fold != test), test=np.flatnonzero(fold == test))
        for test in range(settings.folds)
    )


def files_of(settings: PlotSettings) -> tuple[Path, ...]:
    """Return the files that plots are read from."""
    fields = ("species", "header", "event", "occurrence", "measurement")
    paths = (getattr(table, field, None) for table in settings.tables for field in fields)
    synonyms = settings.curation.synonyms
    return tuple(path for path in (*paths, synonyms) if path is not None)
