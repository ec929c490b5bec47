"""From sources to the covariates cube: declared, then filled tile by tile by two programs.

The masks come first, since they say which tiles are land and how much of a tile should have values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue  # noqa: TC002 - one import, in one place

from biomap_xr.covariates.declaration import cubes_of
from biomap_xr.covariates.files import files_on
from biomap_xr.covariates.groups import (
    Arrays,
    read_climate,
    read_landsat,
    read_predictors,
    read_sentinel2,
)
from biomap_xr.covariates.masks import read_masks
from biomap_xr.covariates.provenance import KERNEL, content_of
from biomap_xr.covariates.sampling import select_predictors
from biomap_xr.covariates.settings import CLIMATE_FILL, LANDSAT_FILL, CovariateSettings
from biomap_xr.cubes import Shard, declare, open_cube, update_attributes, write_block
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid, Tile
from biomap_xr.run import Outcome, fingerprint_of
from biomap_xr.run.contents import UNKEPT, Contents

MASKS = "masks"
MASKS_KERNEL = 2
"""Raised when the same layers give other masks."""


@dataclass(frozen=True)
class MaskProgram:
    """Fills the masks group, one tile at a time."""

    store: Path
    settings: CovariateSettings
    grid: Grid
    fingerprint: str
    name: str = MASKS

    def __call__(self, tile: Tile) -> Outcome:
        """Write all masks of a tile.

        Returns:
            The shards, and ``land``: the share of the tile's cells.
        """
        masks = read_masks(self.settings.root, self.settings.masks, tile)
        shards = write_group(self.store, MASKS, masks, tile)
        return Outcome(shards, {"land": float(masks["land"].mean())})


@dataclass(frozen=True)
class CovariateProgram:
    """Fills all groups but the masks, one tile at a time; the masks must be there."""

    store: Path
    settings: CovariateSettings
    grid: Grid
    kept: tuple[str, ...]
    """Predictors in the cube."""
    fingerprint: str
    contents: Contents = UNKEPT
    """Is told of the scenes that are read."""
    name: str = "covariates"

    def __call__(self, tile: Tile) -> Outcome:
        """Write all groups of a tile.

        Returns:
            The shards, ``land`` and, for each group, the share of the tile's cells that are land
            and have values.

        Raises:
            InputError: A value cannot be true, or land of the tile is without values beyond the
                tolerance.
        """
        land = read_land(self.store, tile)
        shards: list[Shard] = []
        statistics: dict[str, float | list[float]] = {"land": float(land.mean())}
        for group in GROUPS:
            if getattr(self.settings, group) is None:
                continue
            # A tile has one name at every resolution.
            place = self.grid.with_resolution(resolution_of(self.settings, self.grid, group)).tile(
                tile.name
            )
            arrays = self.read(group, place)
            share = valid_share(valid_cells(group, arrays), land)
            # Before the group is written: a wrong tile leaves nothing behind that looks finished.
            check_share(tile, group, share, float(land.mean()), self.settings.valid_share_tolerance)
            statistics[group] = share
            shards += write_group(self.store, group, arrays, place)
        return Outcome(tuple(shards), statistics)

    def read(self, group: str, tile: Tile) -> Arrays:
        """Return the variables of a group on a tile of the group's grid."""
        root, settings = self.settings.root, self.settings
        match group:
            case "sentinel2" if settings.sentinel2:
                arrays = read_sentinel2(root, settings.sentinel2, tile)
                # The run named them without a look inside; what is read now can be hashed now.
                self.contents.learn(files_on(root, settings.sentinel2, tile.geobox))
                return arrays
            case "landsat" if settings.landsat:
                return read_landsat(root, settings.landsat, tile)
            case "climate" if settings.climate:
                return read_climate(root, settings.climate, tile)
            case _ if settings.predictors:
                grid = self.grid.with_resolution(settings.predictors.resolution)
                found = read_predictors(root, settings.predictors, grid, tile.geobox)
                return {"predictors": np.stack([found[name] for name in self.kept])}
        raise InputError(
            f"group {group!r} is not in the settings; expected one of {GROUPS} that they give"
        )


GROUPS = ("sentinel2", "landsat", "climate", "predictors")


@dataclass(frozen=True)
class Gathering:
    """The two programs that fill the cube, in this order."""

    masks: MaskProgram
    covariates: CovariateProgram


def declare_covariates(
    store: Path, settings: CovariateSettings, grid: Grid, contents: Contents = UNKEPT
) -> Gathering:
    """Lay out all groups of the cube and return the programs that fill them.

    The least correlated predictors are chosen here, where the settings ask for it, and reported in
    the group's attributes.

    Args:
        store: Path of ``covariates.zarr``.
        settings: The sources; run `check_sources` on them first.
        grid: The map's grid.
        contents: Keeps the hashes of the sources' files; by default all are hashed.

    Returns:
        The programs; they hold paths and settings alone.

    Raises:
        InputError: The store exists with another grid or other variables, or a source is missing.
    """
    # A worker may run in another folder.
    settings = settings.model_copy(update={"root": settings.root.absolute()})
    selection = select_predictors(settings, grid)
    kept = selection.kept if selection else ()
    for group, cube in cubes_of(settings, grid, kept).items():
        declare(store, cube)
        attributes: dict[str, Any] = {"content": content_of(settings, group, contents)}
        if group == "predictors" and selection:
            attributes |= selection.attributes()
        _set_attributes(store, group, attributes)
    masks = program_fingerprint(settings, grid, (MASKS,), (), contents)
    groups = program_fingerprint(settings, grid, GROUPS, kept, contents)
    return Gathering(
        MaskProgram(store, settings, grid, masks),
        CovariateProgram(store, settings, grid, kept, groups, contents),
    )


def with_land(gathering: Gathering, shards: Iterable[Shard]) -> Gathering:
    """Let the second program depend on the land that the first one found, and the cube name it.

    Land as it was made counts, not the files that it comes from: another land cover that leaves the
    land as it was leaves the other groups, and the models trained on them, be.

    Args:
        gathering: The programs; the masks of all tiles are there.
        shards: All shards of the masks, in any order.
    """
    program = gathering.covariates
    prefix = f"{program.store.name}/{MASKS}/land/"
    found = {shard.path: shard.sha256 for shard in shards if shard.path.startswith(prefix)}
    land = fingerprint_of({"land": dict(sorted(found.items()))})
    _set_attributes(program.store, MASKS, {"land_content": land})
    name = fingerprint_of({"groups": program.fingerprint, "land": land})
    return replace(gathering, covariates=replace(program, fingerprint=name))


def _set_attributes(store: Path, group: str, attributes: dict[str, Any]) -> None:
    # A cube that is as it should be is not touched, down to the time of its files.
    if any(open_cube(store, group).attrs.get(key) != attributes[key] for key in attributes):
        update_attributes(store, group, attributes)


def write_group(store: Path, group: str, arrays: Arrays, tile: Tile) -> tuple[Shard, ...]:
    """Write the variables of a group on a tile (last two dims y, x) as whole shards.

    Returns:
        The shards, with paths relative to the folder that holds the store.
    """
    rows, columns = tile.window.rows, tile.window.columns
    shards: list[Shard] = []
    for variable, block in arrays.items():
        shards += write_block(store, group, variable, block, {"y": rows.start, "x": columns.start})
    return tuple(replace(shard, path=f"{store.name}/{shard.path}") for shard in shards)


def read_land(store: Path, tile: Tile) -> NDArray[np.bool_]:
    """Return which cells of a tile are land, ``(y, x)``."""
    window = tile.window
    land = open_cube(store, MASKS)["land"].isel(y=window.rows, x=window.columns)
    return np.asarray(land.values == 1)


def valid_cells(group: str, arrays: Arrays) -> NDArray[np.bool_]:
    """Return which pixels of a group have a value in at least one of its layers, ``(y, x)``."""
    if group == "sentinel2":
        return np.asarray(arrays["scenes"] > 0)
    if group == "predictors":
        return np.asarray(np.isfinite(arrays["predictors"]).all(axis=0))
    variable, fill = (
        ("reflectance", LANDSAT_FILL) if group == "landsat" else ("climate", CLIMATE_FILL)
    )
    values = arrays[variable]
    # A gap of some quarters is normal, one of all is not.
    return np.any(values != fill, axis=tuple(range(values.ndim - 2)))


def valid_share(valid: NDArray[np.bool_], land: NDArray[np.bool_]) -> float:
    """Return the share of a tile's cells that are land and have values.

    Args:
        valid: ``(y, x)`` at any resolution.
        land: ``(y, x)`` at the map's cells.

    >>> valid_share(np.array([[True, False]]), np.array([[True, True, True, False]]))
    0.5
    """
    # Each cell asks the pixel that its centre lies in, whichever of the two is finer.
    rows, columns = (
        ((np.arange(cells) + 0.5) * pixels / cells).astype(np.int64)
        for cells, pixels in zip(land.shape, valid.shape, strict=True)
    )
    return float((valid.take(rows, axis=0).take(columns, axis=1) & land).mean())


def check_share(tile: Tile, group: str, share: float, land: float, tolerance: float) -> None:
    """Make sure that a tile's land has values.

    Args:
        tile: The tile.
        group: The group that was read.
        share: Share of the tile's cells that are land and have values.
        land: Share of its cells that are land.
        tolerance: Largest difference between the two.

    Raises:
        InputError: They differ by more, or there is no value at all on a tile with land.
    """
    # Whatever the tolerance: a tile of land without any value is never meant.
    if land > 0 and share == 0:
        raise InputError(
            f"tile {tile.name}, group {group}: no land cell has a value (valid share 0, land "
            f"share {land:.4f}); the sources do not cover this tile, or their nodata value is "
            "wrong: correct them or the extent"
        )
    # Satellites see the sea as well, so only land without values tells a gap.
    if land - share > tolerance:
        raise InputError(
            f"tile {tile.name}, group {group}: the valid share is {share:.4f} and the land share "
            f"{land:.4f}; they may differ by {tolerance:g}: add sources for the missing land, or "
            "raise valid_share_tolerance"
        )


def resolution_of(settings: CovariateSettings, grid: Grid, group: str) -> float:
    """Return the side of a pixel of a group in metres."""
    return float(getattr(getattr(settings, group), "resolution", grid.resolution))


def program_fingerprint(
    settings: CovariateSettings,
    grid: Grid,
    groups: tuple[str, ...],
    kept: tuple[str, ...],
    contents: Contents = UNKEPT,
) -> str:
    """Return one short name for all that the shards depend on."""
    parts: dict[str, JsonValue] = {
        "kernel": MASKS_KERNEL if groups == (MASKS,) else KERNEL,
        "grid": [str(grid.crs), *list(grid.geobox.affine)[:6], *grid.shape, grid.tile_cells],
        "kept": list(kept),
        # The masks do not depend on the tolerance of the other groups.
        "tolerance": settings.valid_share_tolerance if groups != (MASKS,) else 0,
    }
    parts |= {group: content_of(settings, group, contents) for group in groups}
    return fingerprint_of(parts)
