"""What a model sees at a place and a year, cut from the covariates cube.

The window of a cell is fixed: with the cell's centre at pixel position p, it starts at floor(p +
0.5) - N / 2. For 50 m cells on 10 m pixels and N = 128, cell i has its centre at 5 i + 2.5 and its
window starts at pixel 5 i - 61.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.settings import MAIN
from biomap_xr.covariates.slots import InputSettings, fill_slots, slot_weights, slot_years
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Window

MODALITIES = tuple(MAIN)
TIME_AXIS = {"landsat": 2, "climate": 1}
"""Position of the years in the stored arrays and in the inputs without their site."""

DENSE = 40
"""With fewer sites in a tile, only the neighbourhoods of the sites are read."""
NEIGHBOURHOOD = 50
"""Side of such a neighbourhood in cells."""


@dataclass(frozen=True)
class Batch:
    """Some sites that are read together."""

    cells: Cells
    years: NDArray[np.int64]
    sites: NDArray[np.int64]
    """Their places among all sites."""


def cut_inputs(
    covariates: Covariates,
    cells: Cells,
    years: NDArray[np.integer],
    modalities: Sequence[str],
    settings: InputSettings,
    *,
    folder: Path | None = None,
) -> dict[str, NDArray[Any]]:
    """Cut the raw inputs of a model at sites.

    Each shard is decoded once where many sites lie in it, not once a site.

    Args:
        covariates: The cube.
        cells: One a site; outside of the grid all is missing.
        years: Year of each site's observation ``(n,)``, or the reference year; 0, an unknown one,
            counts as the reference year.
        modalities: Some of `MODALITIES`.
        settings: What goes into the slots, and the side of the window.
        folder: Where the Sentinel-2 windows are put on disk as a memory map instead of into memory.

    Returns:
        ``sentinel2`` ``(n, 4, N, N)`` uint16, 0 missing; ``landsat`` ``(n, 6, 4, slots)`` uint8,
        255 missing; ``climate`` ``(n, 4, slots, 12)`` uint16, 65,535 missing; ``predictors``
        ``(n, k)`` float32, NaN missing.

    Raises:
        InputError: A modality is not known or not in the cube.
    """
    for modality in modalities:
        if modality not in MODALITIES or modality not in covariates.groups:
            raise InputError(
                f"modality {modality!r} is not in {covariates.store} "
                f"({', '.join(covariates.groups)}); expected some of {MODALITIES}: gather it, or "
                "leave it out of the model"
            )
    arrays = {name: _missing(covariates, name, len(cells), settings, folder) for name in modalities}
    # Modality within batch, so that the memory is that of one neighbourhood at a time.
    known = np.where(np.asarray(years) == 0, settings.reference_year, years)
    for batch in batches(covariates.grid.tile_cells, cells, known):
        for name, array in arrays.items():
            _cut(covariates, name, batch, settings, array)
    return arrays


def for_year(
    covariates: Covariates,
    modality: str,
    values: NDArray[Any],
    year: int,
    settings: InputSettings,
) -> NDArray[Any]:
    """Fill the slots of a time cube for one year, as for a whole tile in inference.

    Args:
        covariates: The cube that the values were read from; it knows their years.
        modality: Landsat or climate.
        values: Landsat (band, quarter, year, ...) or climate (variable, year, month, ...) as
            stored.
        year: Of the observation, or the reference year.
        settings: What goes into the slots.

    Returns:
        The same with slots in the place of years.
    """
    weights = slot_weights(
        covariates.years(modality), slot_years(modality, year, settings), settings.beyond
    )
    fill = int(covariates.fill(modality))
    return fill_slots(values, weights, axis=TIME_AXIS[modality], fill=fill)


def first_pixel(cell: NDArray[np.int64], ratio: float, window: int) -> NDArray[np.int64]:
    """Return the first row (or column) of the window around cells.

    Args:
        cell: Rows (or columns) of cells, any shape.
        ratio: Pixels along the side of a cell.
        window: Pixels along the side of a window.

    >>> first_pixel(np.array([0, 1, 20]), 5.0, 128).tolist()
    [-61, -56, 39]
    """
    return np.floor((cell + 0.5) * ratio + 0.5).astype(np.int64) - window // 2


def batches(tile_cells: int, cells: Cells, years: NDArray[np.integer]) -> Iterator[Batch]:
    """Group the sites on the grid by tile, or by neighbourhood where few lie in a tile.

    Args:
        tile_cells: Cells along the side of a tile.
        cells: One a site ``(n,)``.
        years: One a site, of the same shape.
    """
    inside = np.flatnonzero(cells.inside)
    for tile in _groups(cells, inside, tile_cells):
        # Many sites overlap so much that one read of the tile is cheaper than one each.
        dense = len(tile) >= DENSE or tile_cells % NEIGHBOURHOOD
        for sites in [tile] if dense else _groups(cells, tile, NEIGHBOURHOOD):
            yield Batch(cells[sites], np.asarray(years)[sites].astype(np.int64), sites)


def _groups(cells: Cells, sites: NDArray[np.int64], side: int) -> list[NDArray[np.int64]]:
    """Split sites by the square of ``side`` cells that they lie in."""
    if not len(sites):
        return []
    square = np.stack([cells.row[sites] // side, cells.column[sites] // side], axis=1)
    # The order of sites within a square stays, so that results do not depend on it.
    _, label = np.unique(square, axis=0, return_inverse=True)
    order = np.argsort(label, kind="stable")
    edges = np.flatnonzero(np.diff(label[order])) + 1
    return np.split(sites[order], edges)


def _missing(
    covariates: Covariates, name: str, sites: int, settings: InputSettings, folder: Path | None
) -> NDArray[Any]:
    """Return the array of a modality at all sites, filled with its missing value."""
    shape = (sites, *input_shape(covariates, name, settings))
    fill = covariates.fill(name)
    dtype = covariates.array(name, MAIN[name]).dtype
    if name != "sentinel2" or folder is None or not sites:
        return np.full(shape, fill, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    # A new file is all zeros, which is the fill value of reflectance.
    return np.lib.format.open_memmap(folder / "sentinel2.npy", mode="w+", dtype=dtype, shape=shape)


def input_shape(covariates: Covariates, name: str, settings: InputSettings) -> tuple[int, ...]:
    """Return the shape of a modality's input at one site.

    >>> # input_shape(covariates, "landsat", InputSettings()) -> (6, 4, 21)
    """
    stored = covariates.array(name, MAIN[name]).shape[:-2]
    if name == "sentinel2":
        return (*stored, settings.window, settings.window)
    if name in TIME_AXIS:
        slots = len(slot_years(name, settings.reference_year, settings))
        return tuple(slots if axis == TIME_AXIS[name] else size for axis, size in enumerate(stored))
    return stored


def _cut(
    covariates: Covariates, name: str, batch: Batch, settings: InputSettings, out: NDArray[Any]
) -> None:
    """Write the inputs of a batch into the array of all sites."""
    if name == "sentinel2":
        _cut_windows(covariates, batch, settings.window, out)
        return
    where = covariates.pixels_of(name, batch.cells)
    window = bounding(where, 1)
    block = covariates.read(name, MAIN[name], window)
    found = block[..., where.row - window.rows.start, where.column - window.columns.start]
    values = np.moveaxis(found, -1, 0)
    if name not in TIME_AXIS:
        out[batch.sites] = values
        return
    # Sites of one year have the same slots.
    for year in np.unique(batch.years):
        now = batch.years == year
        # With the sites moved behind, the axes are those of the stored cube.
        slots = for_year(covariates, name, np.moveaxis(values[now], 0, -1), int(year), settings)
        out[batch.sites[now]] = np.moveaxis(slots, -1, 0)


def _cut_windows(covariates: Covariates, batch: Batch, size: int, out: NDArray[Any]) -> None:
    """Write the window around each site of a batch, read together as one image."""
    ratio = covariates.ratio("sentinel2")
    first = Cells(
        *(first_pixel(each, ratio, size) for each in (batch.cells.row, batch.cells.column))
    )
    window = bounding(first, size)
    image = covariates.read("sentinel2", MAIN["sentinel2"], window)
    rows, columns = first.row - window.rows.start, first.column - window.columns.start
    for site, row, column in zip(batch.sites, rows, columns, strict=True):
        out[site] = image[:, row : row + size, column : column + size]


def bounding(first: Cells, size: int) -> Window:
    """Return the smallest window that holds squares of ``size`` pixels from their first ones."""
    return Window(
        slice(int(first.row.min()), int(first.row.max()) + size),
        slice(int(first.column.min()), int(first.column.max()) + size),
    )
