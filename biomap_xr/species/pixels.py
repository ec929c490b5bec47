"""Raw pixels around some cells, read once, and the inputs that a model takes from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import TIME_AXIS, bounding, first_pixel, for_year
from biomap_xr.covariates.settings import MAIN
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.grid import Cells, Window
from biomap_xr.species.encoders.lattice import STEP
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.settings import LatticeSettings


@dataclass(frozen=True, eq=False)
class Image:
    """The Sentinel-2 raster under the windows of some cells."""

    values: NDArray[np.uint16]
    """``(band, rows, columns)``, 0 missing."""
    corner: Cells
    """(1,) the raster's first pixel in the cube."""
    first: Cells
    """(1,) the cell whose window starts there."""
    window: int
    """Pixels along the side of a window."""
    ratio: float
    """Pixels along the side of a cell."""

    sites_at_once = 16

    @property
    def step(self) -> int:
        """Positions of the lattice from one cell to the next; 0 where it does not hit them."""
        step = self.ratio / STEP
        return int(step) if step.is_integer() else 0

    def is_lattice(self, model: SpeciesModel) -> bool:
        """Say whether the model has a dense form whose positions are the cells."""
        return self.step > 0 and isinstance(model.card.modalities["sentinel2"], LatticeSettings)

    def has_data(self, cells: Cells) -> NDArray[np.bool_]:
        """Say for each cell ``(n,)`` whether its window has a pixel that is not missing."""
        rows, columns = self._starts(cells)
        total = np.zeros(np.add(self.values.shape[1:], 1), dtype=np.int64)
        total[1:, 1:] = (self.values != 0).any(axis=0).cumsum(axis=0).cumsum(axis=1)
        below, right = rows + self.window, columns + self.window
        count = total[below, right] - total[rows, right] - total[below, columns]
        return count + total[rows, columns] > 0

    def at(self, cells: Cells) -> NDArray[np.uint16]:
        """Cut the windows of some cells, ``(n, band, window, window)``."""
        windows = np.lib.stride_tricks.sliding_window_view(
            self.values, (self.window, self.window), axis=(1, 2)
        )
        rows, columns = self._starts(cells)
        return np.ascontiguousarray(np.moveaxis(windows[:, rows, columns], 0, 1))

    def _starts(self, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First row and column of each cell's window in the raster, ``(n,)`` each."""
        rows = first_pixel(cells.row, self.ratio, self.window) - self.corner.row
        return rows, first_pixel(cells.column, self.ratio, self.window) - self.corner.column


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels of a modality without a window, under some cells."""

    modality: str
    values: NDArray[Any]
    """``(..., rows, columns)`` with slots in the place of years."""
    present: NDArray[np.bool_]
    """``(rows, columns)``: pixels that are not missing altogether."""
    window: Window
    """Their place in the cube."""
    ratio: float
    """Pixels along the side of a cell."""

    sites_at_once = 2048

    def has_data(self, cells: Cells) -> NDArray[np.bool_]:
        """Say for each cell ``(n,)`` whether its pixel holds anything."""
        return self.present.ravel()[self.places(cells)]

    def at(self, cells: Cells) -> NDArray[Any]:
        """Return the inputs of some cells, ``(n, ...)``."""
        return self.values_at(self.places(cells))

    def values_at(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the inputs of pixels by their flat places, ``(n, ...)``."""
        flat = self.values.reshape(*self.values.shape[:-2], -1)
        return np.ascontiguousarray(np.moveaxis(flat[..., places], -1, 0))

    def distinct(self, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the flat places of the pixels under cells, and each cell's among them ``(n,)``."""
        places, index = np.unique(self.places(cells), return_inverse=True)
        return places, index.astype(np.int64)

    def places(self, cells: Cells) -> NDArray[np.int64]:
        """Return the flat place of the pixel that each cell's centre lies in, ``(n,)``."""
        row = np.floor((cells.row + 0.5) * self.ratio).astype(np.int64) - self.window.rows.start
        column = np.floor((cells.column + 0.5) * self.ratio).astype(np.int64)
        return row * self.window.shape[1] + column - self.window.columns.start


def read_image(covariates: Covariates, cells: Cells, window: int) -> Image:
    """Read the Sentinel-2 raster under the windows of all cells.

    Args:
        covariates: The cube.
        cells: At least one.
        window: Pixels along the side of a window.

    Returns:
        The smallest raster ``(4, rows, columns)`` that holds every window, 0 where missing and
        beyond the extent.
    """
    ratio = covariates.ratio("sentinel2")
    starts = Cells(*(first_pixel(each, ratio, window) for each in (cells.row, cells.column)))
    place = bounding(starts, window)
    return Image(
        values=covariates.read("sentinel2", MAIN["sentinel2"], place),
        corner=Cells(np.array([place.rows.start]), np.array([place.columns.start])),
        first=Cells(cells.row.min(keepdims=True), cells.column.min(keepdims=True)),
        window=window,
        ratio=ratio,
    )


def read_pixels(
    covariates: Covariates, modality: str, cells: Cells, settings: InputSettings
) -> Pixels:
    """Read the pixels of Landsat, climate or predictors under all cells.

    Args:
        covariates: The cube.
        modality: Its name.
        cells: At least one.
        settings: What goes into the slots of the reference year.
    """
    place = bounding(covariates.pixels_of(modality, cells), 1)
    stored = covariates.read(modality, MAIN[modality], place)
    values = stored
    if modality in TIME_AXIS:
        values = for_year(covariates, modality, stored, settings.reference_year, settings)
    missing = np.isnan(values) if values.dtype.kind == "f" else values == covariates.fill(modality)
    present = ~missing.reshape(-1, *place.shape).all(axis=0)
    return Pixels(modality, values, present, place, covariates.ratio(modality))
