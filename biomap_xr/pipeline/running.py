"""The main path: every stage in order."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from biomap_xr.covariates.check import check_sources
from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.patches import content_of_patches
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.cubes import digest_of, open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations.background import Land
from biomap_xr.observations.reading import observe
from biomap_xr.observations.sites import Sites
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.gathering import gather, land_tiles
from biomap_xr.pipeline.learning import learn
from biomap_xr.pipeline.mapping import make_maps, traits_of
from biomap_xr.pipeline.scores import RECORD
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Identity, Listener, Summary, WorkspaceLock, claim, fingerprint_of, silent
from biomap_xr.run.durable import publish
from biomap_xr.species.model import SpeciesModel
from biomap_xr.virtual import simulate

if TYPE_CHECKING:
    from pydantic import JsonValue

KERNEL = 1
"""Raised when the same recipe and data give another model."""


@dataclass(frozen=True)
class Run:
    """What a run has made."""

    workspace: Workspace
    recipe: Recipe
    model: SpeciesModel
    maps: Summary | None
    """None where the recipe maps nothing."""


def run(recipe: Recipe, workspace: Workspace, workers: Workers, listener: Listener = silent) -> Run:
    """Run a recipe, or go on where it stopped.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run; made where it is missing.
        workers: Who fills tiles.
        listener: Told of every tile.

    Raises:
        RecipeError: The recipe asks for something impossible.
        InputError: Inputs or the workspace do not fit; nothing that was there is lost.
        SetAsideError: Tiles of the covariates were set aside.
    """
    workspace.make()
    claim(workspace.root, identity(recipe))
    with WorkspaceLock(workspace.root):
        # Again, now alone: two recipes may have claimed one new folder at the same moment. Before
        # the lock the claim keeps even the lock's file out of foreign folders.
        claim(workspace.root, identity(recipe))
        if recipe.simulate is not None:
            simulate(recipe.simulate, workspace.virtual)
        anchored = recipe.anchored(workspace.root)
        filling = Filling(workspace, workers, recipe.run, listener)
        sites = _observer(anchored, workspace)
        if anchored.covariates is None:
            model = learn(anchored, workspace, sites, None, _data(recipe, anchored, None))
            return Run(workspace, recipe, model, None)
        covariates = _covariates(anchored, anchored.covariates, filling, sites)
        data = _data(recipe, anchored, covariates)
        model = learn(anchored, workspace, sites, covariates, data)
        maps = make_maps(anchored, model, covariates, land_tiles(anchored, filling), filling)
        return Run(workspace, recipe, model, maps)


def identity(recipe: Recipe, species: str = "") -> Identity:
    """Say what must not change within the workspace of a recipe.

    Args:
        recipe: As it was loaded.
        species: The species table in short, empty while it is not known.
    """
    grid = recipe.grid.model_dump(mode="json")
    return Identity(recipe=recipe.name, grid=grid, species=species)


def _covariates(
    recipe: Recipe, settings: CovariateSettings, filling: Filling, sites: Callable[[], Sites]
) -> Covariates:
    """Fill the covariates cube, once everything that it needs was looked at."""
    grid = Grid.from_settings(recipe.grid)
    # Wrong inputs should be known before the long work, not after it.
    check_sources(settings, grid)
    # A background drawn on land waits for the land mask.
    drawn = recipe.observations.background.random_cells > 0
    if not drawn and not (filling.workspace.models / RECORD).is_file():
        sites()
    gather(recipe, settings, filling)
    return Covariates.open(filling.workspace.covariates, grid)


def _observer(recipe: Recipe, workspace: Workspace) -> Callable[[], Sites]:
    """Return a function that reads the observations at its first call, and reports on them.

    With them the species are known, so the workspace is claimed for these species and the tables
    of their traits are tried, too.
    """

    @cache
    def sites() -> Sites:
        grid = Grid.from_settings(recipe.grid)
        found, report = observe(recipe.observations, grid, _land(workspace))
        table = found.species[["species_id", "species"]]
        traits_of(recipe, table)
        claim(workspace.root, identity(recipe, _named(table)))
        publish(workspace.models / "observations.json", json.dumps(report.as_dict(), indent=1))
        return found

    return sites


def _land(workspace: Workspace) -> Land | None:
    """Look cells up in the land mask, one chunk at a time; None while it is not there."""
    if not (workspace.covariates / "masks").exists():
        return None
    mask = open_cube(workspace.covariates, "masks")["land"]

    def land(cells: Cells) -> NDArray[np.bool_]:
        places = {"y": xr.DataArray(cells.row), "x": xr.DataArray(cells.column)}
        return mask.isel(places).to_numpy() == 1

    return land


def _named(table: pd.DataFrame) -> str:
    """Name a species table (species, columns) by its length and a fingerprint of its rows.

    >>> _named(pd.DataFrame({"species_id": [7], "species": ["Abies alba"]}))
    '1 species (5836ef9e)'
    """
    rows: list[JsonValue] = [
        [int(number), str(name)]
        for number, name in zip(table["species_id"], table["species"], strict=True)
    ]
    return f"{len(table)} species ({fingerprint_of({'species': rows})[:8]})"


def _data(recipe: Recipe, anchored: Recipe, covariates: Covariates | None) -> str:
    """Name everything that a training depends on, wherever it lies."""
    observations = anchored.observations
    files = [table.path for table in observations.tables]
    files += [observations.species.path] if observations.species else []
    parts: dict[str, JsonValue] = {
        "kernel": KERNEL,
        "covariates": covariates.fingerprint if covariates else None,
        "files": [_digest(path) for path in files],
        "patch files": content_of_patches(anchored.patches) if anchored.patches else None,
    }
    for section in ("observations", "folds", "inputs", "species", "grid", "patches"):
        value = getattr(recipe, section)
        parts[section] = value.model_dump(mode="json") if value is not None else None
    return fingerprint_of(parts)


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the path of a table of observations"
        ) from error
