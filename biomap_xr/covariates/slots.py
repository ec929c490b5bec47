"""Which years of a record fill which year slots of a model's time cubes.

The published cubes hold calendar years (Landsat 2000 to 2020, climate 2000 to 2018), training sees
each observation at its own date, and paper 1 maps the year 2021 (section 4), which lies after both
records. What goes into each slot is a linear map from the years that are there to the slots, so the
same few lines serve training and inference:

* ``calendar`` (default): slot i is the i-th year of the published cube, whatever the date of the
  observation. The published state dicts were trained so.
* ``relative``: the last slot is the year of the observation (training) or the reference year
  (inference), and the slots before it are the years before.

A slot whose year is not in the record is filled as ``beyond`` says: from the ``nearest`` year that
is there (default; of two equally near the later), by the ``mean`` of all years that are there, or
left ``missing``. Quarters and months keep their places in every case.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from biomap_xr.covariates.settings import Years, year_range
from biomap_xr.errors import InputError
from biomap_xr.settings import Settings


class InputSettings(Settings):
    """How a model's inputs are cut from the covariates cube."""

    slots: Literal["calendar", "relative"] = "calendar"
    """What a year slot means."""
    beyond: Literal["nearest", "mean", "missing"] = "nearest"
    """What fills a slot whose year is not in the record."""
    landsat_years: Years = (2000, 2020)
    """First and last calendar year of the Landsat slots; their number is the cube's width in either
    meaning."""
    climate_years: Years = (2000, 2018)
    """First and last calendar year of the climate slots."""
    reference_year: int = 2021
    """The year that inference maps (paper 1, section 4)."""
    window: int = Field(128, gt=0)
    """Pixels along the side of a Sentinel-2 window."""


def slot_years(modality: str, year: int, settings: InputSettings) -> list[int]:
    """Return the calendar year that each slot stands for.

    Args:
        modality: Landsat or climate.
        year: Year of the observation, or the reference year.
        settings: What a slot means.

    >>> slot_years("climate", 2021, InputSettings())[-1]
    2018
    >>> slot_years("climate", 2021, InputSettings(slots="relative"))[-1]
    2021
    """
    years = year_range(settings.landsat_years if modality == "landsat" else settings.climate_years)
    shift = year - years[-1] if settings.slots == "relative" else 0
    return [slot + shift for slot in years]


def slot_weights(
    available: Sequence[int], wanted: Sequence[int], beyond: Literal["nearest", "mean", "missing"]
) -> NDArray[np.float64]:
    """Return the linear map from the years of a record to slots.

    Args:
        available: Years of the record.
        wanted: The year of each slot.
        beyond: What fills a slot whose year is not available.

    Returns:
        ``(slots, years)``; each row sums to 1, or to 0 where the slot is missing.

    Raises:
        InputError: The record is empty.

    >>> slot_weights([2000, 2001], [2000, 2003], "nearest").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> slot_weights([2000, 2001], [2000, 2003], "mean").tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    if not len(available):
        raise InputError(
            f"no year is available for the slots {list(wanted)}; the cube must hold at least one"
        )
    years, slots = np.asarray(available), np.asarray(wanted)
    weights = (slots[:, None] == years).astype(np.float64)
    empty = ~weights.any(axis=1)
    if beyond == "mean":
        weights[empty] = 1 / len(years)
    elif beyond == "nearest":
        # Half a year less for later years settles ties for the later one.
        gap = np.abs(slots[empty, None] - years) - 0.5 * (years > slots[empty, None])
        weights[empty, gap.argmin(axis=1)] = 1
    return weights


def fill_slots(
    values: NDArray[np.generic], weights: NDArray[np.float64], *, axis: int, fill: int
) -> NDArray[np.generic]:
    """Apply a map of years to slots along one axis; a missing value has no weight.

    Args:
        values: Integers with years along ``axis``, ``fill`` where missing.
        weights: ``(slots, years)`` as `slot_weights` returns it.
        axis: Position of the years in ``values``.
        fill: Value of a missing entry.

    Returns:
        The same dtype with slots along ``axis``, means rounded to the nearest integer, ``fill``
        where all that has weight is missing.

    >>> fill_slots(np.array([[10, 22, 255]], np.uint8), np.full((1, 3), 1 / 3), axis=1, fill=255)
    array([[16]], dtype=uint8)
    """
    # One year a slot is a plain choice: no arithmetic, no rounding, no float cube.
    chosen = weights.argmax(axis=1)
    if (weights.max(axis=1) == weights.sum(axis=1)).all():
        picked = np.take(values, chosen, axis=axis)
        empty = ~weights.any(axis=1)
        if empty.any():
            picked[(slice(None),) * (axis % values.ndim) + (empty,)] = fill
        return picked
    present = values != fill
    above = np.tensordot(np.where(present, values, 0), weights, axes=(axis, 1))
    below = np.tensordot(present.astype(np.float64), weights, axes=(axis, 1))
    mean = np.where(below > 0, np.rint(above / np.maximum(below, 1e-12)), fill)
    return np.moveaxis(mean, -1, axis).astype(values.dtype)
