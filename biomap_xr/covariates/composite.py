"""One image from many: the median or mean over the valid pixels of a period's scenes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

Strip = tuple[NDArray[np.uint16], NDArray[np.bool_]]
"""Reflectance ``(band, y, x)`` and validity ``(y, x)`` of one scene in one strip of rows."""

MAX_SCENES = 255
"""The count is kept in a byte; it stops there, the composite does not."""

STRIP_BYTES = 96_000_000
"""What the scenes of one strip may take in memory."""

ALIGNMENT = 50
"""Rows of a strip are a multiple of this, so that strips fall on the lattice of resampled
positions."""


@dataclass(frozen=True)
class Composite:
    """An image over a period."""

    reflectance: NDArray[np.uint16]
    """``(band, y, x)``, 0 where no scene is valid."""
    scenes: NDArray[np.uint8]
    """``(y, x)`` number of valid scenes, at most 255."""


def composite(
    values: NDArray[np.uint16], valid: NDArray[np.bool_], method: Literal["median", "mean"]
) -> Composite:
    """Reduce scenes to one image.

    Args:
        values: ``(scene, band, y, x)`` reflectance x 10,000.
        valid: ``(scene, y, x)`` which pixels count.
        method: Over the valid scenes of each pixel; halves round up.

    >>> values = np.array([[[[10]]], [[[20]]], [[[90]]]], np.uint16)
    >>> image = composite(values, np.ones((3, 1, 1), bool), "median")
    >>> image.reflectance.item(), image.scenes.item()
    (20, 3)
    """
    # Zero is the missing value, so the kernels only write where something is valid.
    reflectance = np.zeros(values.shape[1:], np.uint16)
    scenes = np.zeros(valid.shape[1:], np.uint8)
    kernel = _median if method == "median" else _mean
    kernel(np.ascontiguousarray(values), np.ascontiguousarray(valid), reflectance, scenes)
    return Composite(reflectance, scenes)


def composite_strips(
    readers: Sequence[Callable[[slice], Strip]],
    shape: tuple[int, int, int],
    method: Literal["median", "mean"],
    *,
    strip_bytes: int = STRIP_BYTES,
) -> Composite:
    """Reduce scenes strip by strip, so that memory grows with neither their number nor size.

    Args:
        readers: One a scene: rows of the image in, that scene's strip out.
        shape: ``(band, y, x)`` of the image.
        method: As in `composite`.
        strip_bytes: What the scenes of one strip may take.

    Returns:
        The same as `composite` of all at once; all missing without any scene.
    """
    bands, height, width = shape
    image = Composite(np.zeros(shape, np.uint16), np.zeros((height, width), np.uint8))
    if not readers:
        return image
    for rows in strips(height, strip_bytes // (len(readers) * bands * width * 2)):
        size = rows.stop - rows.start
        values = np.empty((len(readers), bands, size, width), np.uint16)
        valid = np.empty((len(readers), size, width), np.bool_)
        for index, read in enumerate(readers):
            values[index], valid[index] = read(rows)
        part = composite(values, valid, method)
        image.reflectance[:, rows], image.scenes[rows] = part.reflectance, part.scenes
    return image


def strips(height: int, wanted: int) -> Iterator[slice]:
    """Cut rows into strips of at most about ``wanted`` rows, a multiple of `ALIGNMENT`.

    >>> list(strips(120, 70))
    [slice(0, 50, None), slice(50, 100, None), slice(100, 120, None)]
    """
    step = max(wanted // ALIGNMENT, 1) * ALIGNMENT
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


@numba.njit(cache=True, nogil=True)
def _median(
    values: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    out: NDArray[np.uint16],
    count: NDArray[np.uint8],
) -> None:
    """Write medians into ``out`` ``(band, y, x)`` and the number of valid scenes into ``count``."""
    scenes, bands, height, width = values.shape
    line = np.empty(scenes, np.uint16)
    for y in range(height):
        for band in range(bands):
            for x in range(width):
                n = 0
                for scene in range(scenes):
                    if valid[scene, y, x]:
                        # Insertion keeps the line sorted; with few scenes nothing is faster.
                        value, place = values[scene, band, y, x], n
                        while place > 0 and line[place - 1] > value:
                            line[place] = line[place - 1]
                            place -= 1
                        line[place] = value
                        n += 1
                if n > 0:
                    # The sum of two values of 16 bits needs 17.
                    low, high = np.uint32(line[(n - 1) // 2]), np.uint32(line[n // 2])
                    out[band, y, x] = (low + high + 1) // 2
                count[y, x] = min(n, MAX_SCENES)


@numba.njit(cache=True, nogil=True)
def _mean(
    values: NDArray[np.uint16],
    valid: NDArray[np.bool_],
    out: NDArray[np.uint16],
    count: NDArray[np.uint8],
) -> None:
    """Write means into ``out`` ``(band, y, x)`` and the number of valid scenes into ``count``."""
    scenes, bands, height, width = values.shape
    for y in range(height):
        for band in range(bands):
            for x in range(width):
                n, total = 0, np.uint64(0)
                for scene in range(scenes):
                    if valid[scene, y, x]:
                        total += np.uint64(values[scene, band, y, x])
                        n += 1
                if n > 0:
                    # Twice the sum plus n over 2 n is the mean with halves up, without floats.
                    out[band, y, x] = (np.uint64(2) * total + np.uint64(n)) // np.uint64(2 * n)
                count[y, x] = min(n, MAX_SCENES)
