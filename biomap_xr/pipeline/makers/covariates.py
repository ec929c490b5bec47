"""From sources to the covariates cube: masks first, then every tile that land needs."""

import math
from collections.abc import Iterable
from importlib.metadata import version

import numpy as np

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.gather import Gathering, declare_covariates, with_land
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.cubes import open_cube, update_attributes
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid, Tile
from biomap_xr.pipeline.filling import Filling
from biomap_xr.programs.masks import check_water
from biomap_xr.recipe import Recipe

SOFTWARE = ("biomap-xr", "numpy", "torch", "xarray", "zarr")
"""Packages whose versions the cubes' attributes name."""


def gather(recipe: Recipe, settings: CovariateSettings, filling: Filling) -> Gathering:
    """Fill the covariates cube of a recipe.

    Returns:
        The programs that filled it; the fingerprint of the second names the cube's content.

    Raises:
        InputError: A source does not fit, or no tile has land.
        SetAsideError: Tiles were set aside; a map with holes in its covariates is not begun.
    """
    workspace, grid = filling.workspace, Grid.from_settings(recipe.grid)
    crosswalk = recipe.habitats.rules.crosswalk
    if crosswalk is not None:
        check_water(settings.masks, crosswalk)
    programs = declare_covariates(workspace.covariates, settings, grid, workspace.contents)
    for group in Covariates.open(workspace.covariates, grid).groups:
        update_attributes(workspace.covariates, group, provenance_of(recipe))
    filling.complete(programs.masks, grid.tiles())
    receipts = workspace.ledger(programs.masks.name).receipts()
    programs = with_land(programs, (shard for each in receipts for shard in each.shards))
    filling.complete(programs.covariates, tiles_near_land(recipe, filling))
    return programs


def provenance_of(recipe: Recipe) -> dict[str, str]:
    """Return the attributes with which every cube says where it comes from."""
    return {
        "license": recipe.licence,
        "references": recipe.citation,
        "recipe": recipe.name,
        "software": ", ".join(f"{name} {version(name)}" for name in SOFTWARE),
    }


def land_tiles(recipe: Recipe, filling: Filling) -> tuple[Tile, ...]:
    """Return the tiles that a prediction can exist on: land within the largest displacement.

    Raises:
        InputError: The land mask is empty.
    """
    reach = recipe.grid.max_displacement
    tiles = tuple(_within(Grid.from_settings(recipe.grid), filling, reach))
    if not tiles:
        raise InputError(
            f"{filling.workspace.covariates}/masks holds no land at all, expected some in the "
            "recipe's extent; look at covariates.masks.land and at the grid"
        )
    return tiles


def tiles_near_land(recipe: Recipe, filling: Filling) -> Iterable[Tile]:
    """Yield the tiles whose covariates a prediction can depend on.

    Half an image window around land matters, too, so that no cell's prediction depends on how the
    map is cut into tiles.
    """
    window = recipe.inputs.window * 10.0 / 2
    return _within(Grid.from_settings(recipe.grid), filling, recipe.grid.max_displacement + window)


def _within(grid: Grid, filling: Filling, reach: float) -> Iterable[Tile]:
    """Yield the tiles with land at most ``reach`` metres from them along an axis."""
    land = open_cube(filling.workspace.covariates, "masks")["land"]
    margin = math.ceil(reach / grid.resolution)
    for tile in grid.tiles():
        window = tile.window.padded(margin)
        rows, columns = (
            slice(max(part.start, 0), part.stop) for part in (window.rows, window.columns)
        )
        if np.asarray(land[rows, columns]).any():
            yield tile
