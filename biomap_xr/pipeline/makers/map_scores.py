"""The finished map over all formations held against external plots and maps of others."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.on_map import MappedPlots
from biomap_xr.evaluation.habitats.references import reference_confusion
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.grid import Cells, Grid, Tile
from biomap_xr.habitats.comparison import Compared
from biomap_xr.habitats.cube import RANKS, WALL_TO_WALL
from biomap_xr.habitats.eunis import LEVELS, NO_HABITAT
from biomap_xr.habitats.reference import numbers_of_codes
from biomap_xr.habitats.reference_settings import ReferenceSettings
from biomap_xr.observations.occurrences import locate
from biomap_xr.observations.overlap import Overlap, overlap_of
from biomap_xr.observations.plot_settings import PlotSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.plots import take_plots
from biomap_xr.pipeline.records import HABITATS, ON_MAP
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs.by_environment import read_map
from biomap_xr.programs.references import KERNEL, ReferenceProgram, compared_in
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of
from biomap_xr.run.durable import publish
from biomap_xr.sources.raster import describe

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

REFERENCE = "reference_"
"""Begins the names of programs, and so of folders of receipts; the reference's name follows."""


def to_score(name: str, external: Plots, training: Plots, recipe: Recipe) -> tuple[Plots, Overlap]:
    """Return the external plots that are scored, and which of all of them are training plots.

    Args:
        name: Of the external plots in the recipe.
        external: Curated.
        training: All plots that the models saw.
        recipe: Says what becomes of those that overlap.

    Raises:
        InputError: No plot is left.
    """
    settings = recipe.habitats.overlap
    prefix = _prefix(recipe.habitats.external[name])
    found = overlap_of(external, training, recipe.grid.crs, settings, prefix)
    if found.either.any():
        logger.warning("external data %s: %s; overlap.scores: %s", name, found, settings.scores)
    if settings.scores == "flag":
        return external, found
    if found.either.all():
        raise InputError(
            f"habitats.external.{name}: {found}; expected plots that the models were not trained "
            "on: take others, or score them all the same with habitats.overlap.scores: flag"
        )
    return external.select(~found.either), found


def _prefix(settings: PlotSettings) -> str:
    prefixes = {table.prefix for table in settings.tables}
    return prefixes.pop() if len(prefixes) == 1 else ""


@dataclass(frozen=True, eq=False)
class MapAtPlots:
    """The map at the external plots that bear a habitat and lie on it."""

    mapped: MappedPlots
    source: NDArray[np.int64]
    """``(plot,)`` place of each among the plots that were given."""
    off: int
    """Plots with a habitat that lie off the map."""


def map_at(plots: Plots, recipe: Recipe, workspace: Workspace) -> MapAtPlots:
    """Read the first three habitats of the map over all formations in the cells of plots.

    Raises:
        InputError: No plot with a habitat lies on the map.
    """
    grid = Grid.from_settings(recipe.grid)
    cells = locate(plots.longitude, plots.latitude, grid)
    borne = np.array([bool(codes) for codes in plots.labels], bool)
    source = np.flatnonzero(borne & cells.inside)
    if not len(source):
        raise InputError(
            f"none of {int(borne.sum())} plots with a habitat lies on the map; expected some: look "
            "at their coordinates and at the grid's extent"
        )
    ranks = _ranks_at(cells[source], grid, workspace)
    labels = tuple(plots.labels[each] for each in source)
    return MapAtPlots(MappedPlots(ranks, labels), source, int(borne.sum()) - len(source))


def _ranks_at(cells: Cells, grid: Grid, workspace: Workspace) -> NDArray[np.uint16]:
    """Read ``(rank, plot)`` tile by tile, each once."""
    out = np.full((RANKS, len(cells)), NO_HABITAT, np.uint16)
    side, (_, across) = grid.tile_cells, grid.tile_shape
    name = cells.row // side * across + cells.column // side
    for number in np.unique(name).tolist():
        tile = grid.tile_at(*divmod(number, across))
        here = np.flatnonzero(name == number)
        found = read_map(workspace.habitats, WALL_TO_WALL, "habitat", tile)
        out[:, here] = found[:, cells.row[here] % side, cells.column[here] % side]
    return out


def check_reference(settings: ReferenceSettings) -> None:
    """Make sure that a reference can be read, before any work.

    Raises:
        InputError: The raster, its band or its legend is missing or damaged.
    """
    raster = describe(settings.path, crs=settings.crs)
    raster.indexes((settings.band,))
    numbers_of_codes(settings)


def reference_programs(recipe: Recipe, workspace: Workspace) -> Iterator[ReferenceProgram]:
    """Return a program for each reference, which counts tile by tile; run them on the map's tiles.

    Args:
        recipe: With absolute paths.
        workspace: Of the run; its map over all formations is there.

    Raises:
        InputError: A file cannot be read, or there is no such map.
    """
    root = (recipe.covariates or CovariateSettings()).root
    # The cube names the program that made it: another map is compared anew.
    made_by = open_cube(workspace.habitats, WALL_TO_WALL).attrs.get("run")
    for name, settings in recipe.habitats.reference.items():
        files = [settings.path, *([settings.legend] if settings.legend else [])]
        if settings.valid is not None:
            files.append(root / settings.valid.path)
        key = fingerprint_of(
            {
                "kernel": KERNEL,
                "map": made_by,
                "files": [*workspace.contents.names(files)],
                "settings": settings.model_dump(mode="json", exclude={"path", "legend"}),
            }
        )
        grid = Grid.from_settings(recipe.grid)
        yield ReferenceProgram(workspace.habitats, settings, root, grid, key, f"{REFERENCE}{name}")


def reference_scores(
    programs: Iterable[ReferenceProgram], workspace: Workspace
) -> Mapping[str, dict[int, Compared]]:
    """Sum up what the tiles' receipts say of each reference, by its name and by level.

    References of which no cell was compared, and receipts of another map, are left out.
    """
    found: dict[str, dict[int, Compared]] = {}
    for program in programs:
        total = {level: Compared() for level in LEVELS}
        for receipt in workspace.ledger(program.name).receipts():
            if receipt.fingerprint == program.fingerprint:
                parts = compared_in(receipt.statistics)
                total = {level: total[level] + part for level, part in parts.items()} or total
        if total[LEVELS[0]].cells:
            found[program.name.removeprefix(REFERENCE)] = total
    return found


def score_map(recipe: Recipe, observer: Observer, tiles: Sequence[Tile], filling: Filling) -> None:
    """Hold the finished map against all external plots and references of a recipe.

    Plots that lie off the map, or are all among those of the training, are told and left out.

    Args:
        recipe: With absolute paths.
        observer: Has the plots of the training.
        tiles: Of the map.
        filling: Whose workers compare it with references.

    Raises:
        InputError: A table or a raster cannot be read.
    """
    workspace, sets = filling.workspace, {}
    for name, settings in recipe.habitats.external.items():
        plots, _ = take_plots(settings, recipe.habitats)
        try:
            scored, overlap = to_score(name, plots, observer.plots.plots, recipe)
            found = map_at(scored, recipe, workspace)
        except InputError as error:
            # The ensembles are scored on them all the same, so the run goes on.
            logger.warning("external data %s: the map is not scored on them: %s", name, error)
            continue
        cells = locate(scored.longitude, scored.latitude, Grid.from_settings(recipe.grid))
        centres = Grid.from_settings(recipe.grid).centres_of(cells[found.source])
        blocks = blocks_of(centres, recipe.folds.block_m)
        sets[name] = {
            "ranks": found.mapped.ranks.tolist(),
            "labels": [list(codes) for codes in found.mapped.labels],
            "block": ["_".join(map(str, each)) for each in blocks.tolist()],
            "off": found.off,
            "overlap": str(overlap) if overlap.either.any() else "",
        }
    programs = tuple(reference_programs(recipe, workspace))
    for program in programs:
        filling.complete(program, tiles)
    references = reference_scores(programs, workspace)
    content = {
        "plots": sets,
        "references": {name: reference_record(each) for name, each in references.items()},
    }
    publish(workspace.models / HABITATS / ON_MAP, json.dumps(content, indent=1))


def reference_record(found: Mapping[int, Compared]) -> "JsonValue":
    """Return the numbers of one reference as plain values: of each level, and its confusion."""
    levels: list[JsonValue] = []
    for level, one in found.items():
        codes, matrix = reference_confusion(one)
        levels.append(
            {
                "level": level,
                "cells": one.cells,
                "without": one.without,
                "mixed": one.mixed,
                "accuracy": one.accuracy if one.cells else None,
                "among": one.accuracy_among if one.cells else None,
                "codes": list(codes),
                "confusion": matrix.tolist(),
            }
        )
    return levels
