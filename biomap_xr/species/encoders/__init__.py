"""Encoders: one kind of network per file, made from its settings by ``build``."""

from typing import Literal

from torch import nn

from biomap_xr.errors import InputError
from biomap_xr.species.encoders.lattice import SMALLEST_WINDOW, Lattice
from biomap_xr.species.encoders.published import Published
from biomap_xr.species.encoders.series import Series
from biomap_xr.species.encoders.vector import Vector
from biomap_xr.species.settings import (
    EncoderSettings,
    LatticeSettings,
    Modality,
    PublishedSettings,
    SeriesSettings,
)

__all__ = ["Lattice", "Published", "Series", "Vector", "build"]

YEARS: dict[str, Literal["rows", "columns"]] = {"landsat": "columns", "climate": "rows"}
"""Which axis of a cube ``(channels, rows, columns)`` holds the years."""


def build(modality: Modality, settings: EncoderSettings, shape: tuple[int, ...]) -> nn.Module:
    """Make a branch's encoder with fresh weights.

    Args:
        modality: What it reads.
        settings: Its kind and widths.
        shape: Of one input: ``(channels, rows, columns)``, or ``(channels,)`` for predictors.

    Returns:
        A module from (n, *shape) to ``(n, width)``, with the attribute ``width``.

    Raises:
        InputError: The shape is too small for the encoder.
    """
    if isinstance(settings, PublishedSettings):
        return Published(channels=shape[0], widths=settings.widths)
    if isinstance(settings, LatticeSettings):
        return _lattice(settings, shape)
    if isinstance(settings, SeriesSettings):
        return _series(modality, settings, shape)
    return Vector(channels=shape[0], widths=settings.widths)


def _lattice(settings: LatticeSettings, shape: tuple[int, ...]) -> Lattice:
    if min(shape[1:]) < SMALLEST_WINDOW:
        raise InputError(
            f"sentinel2: the window is {shape[1]} x {shape[2]} pixels, the lattice encoder needs "
            f"at least {SMALLEST_WINDOW}; cut larger windows, such as 64 or 128"
        )
    return Lattice(
        channels=shape[0],
        widths=settings.widths,
        precision=settings.precision,
        strip=settings.strip,
    )


def _series(modality: Modality, settings: SeriesSettings, shape: tuple[int, ...]) -> Series:
    years = YEARS[modality]
    length, needed = shape[1 if years == "rows" else 2], 2 * settings.kernel - 1
    if length < needed:
        raise InputError(
            f"{modality}: the cube has {length} years, a series encoder with kernel "
            f"{settings.kernel} needs at least {needed}; give more years or a smaller kernel"
        )
    channels, rows, columns = shape
    return Series(
        shape=(channels, rows, columns), years=years, widths=settings.widths, kernel=settings.kernel
    )
