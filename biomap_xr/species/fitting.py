"""Fits a normalisation to training inputs, in one pass and bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.species.normalisation import CHANNELS, Normalisation, decode
from biomap_xr.species.presets import PRESETS
from biomap_xr.species.settings import Modality, NormalisationSettings

_BATCH_NUMBERS = 1 << 19
"""Numbers decoded at once."""
_SMALLEST_DEVIATION = 1e-6


def fit(
    modality: Modality,
    inputs: NDArray[Any],
    indices: NDArray[np.int64],
    settings: NormalisationSettings,
) -> Normalisation:
    """Fit a modality's normalisation on training inputs, in one pass and bounded memory.

    Args:
        modality: What the inputs are.
        inputs: (n, *shape) raw values, an array or a memory map.
        indices: The training sites among them.
        settings: Preset, statistics, missing and encoding.

    Returns:
        The normalisation. A channel that never varies gets deviation 1; a slot without any value
        takes the statistics of its channel.

    Raises:
        InputError: The channels are not the modality's, one of them has no value at all, or the
            preset has no constants for the modality.

    >>> data = np.array([[1.0], [3.0], [np.nan], [100.0]], np.float32)
    >>> fit("predictors", data, np.arange(3), NormalisationSettings()).mean
    (2.0,)
    """
    shape = tuple(int(size) for size in inputs.shape[1:])
    _check_shape(modality, shape)
    if settings.preset != "fitted":
        return _preset(modality, shape, settings)
    encoding = settings.encoding if modality == "sentinel2" else "linear"
    slots = shape if settings.statistics == "slot" and modality != "sentinel2" else shape[:1]
    moments = _Moments.zero(slots)
    for batch in _batches(inputs, indices):
        values, missing = decode(modality, batch, encoding, torch.float64)
        moments = moments + _Moments.of(values, ~missing, slots)
    mean, deviation = moments.value(modality)
    return Normalisation(
        shape=shape,
        encoding=encoding,
        missing=settings.missing,
        mean=tuple(mean.flatten().tolist()),
        deviation=tuple(deviation.flatten().tolist()),
    )


def _batches(inputs: NDArray[Any], indices: NDArray[np.int64]) -> Iterator[Tensor]:
    """Read sites in storage order, some at a time."""
    # Windows are large, vectors are small: about as many numbers each time.
    size = max(1, _BATCH_NUMBERS // max(prod(inputs.shape[1:]), 1))
    ordered = np.sort(indices)
    for start in range(0, len(ordered), size):
        yield torch.from_numpy(np.ascontiguousarray(inputs[ordered[start : start + size]]))


@dataclass(frozen=True)
class _Moments:
    """Count, mean and sum of squared deviations; a sum of two is that of all their values."""

    count: Tensor
    mean: Tensor
    squares: Tensor

    @classmethod
    def zero(cls, slots: tuple[int, ...]) -> "_Moments":
        return cls(*(torch.zeros(slots, dtype=torch.float64) for _ in range(3)))

    @classmethod
    def of(cls, values: Tensor, present: Tensor, slots: tuple[int, ...]) -> "_Moments":
        """Reduce (n, channels, ...) values to one moment per slot."""
        axes = [axis for axis in range(values.ndim) if axis == 0 or axis > len(slots)]
        values = torch.where(present, values, 0.0)
        count = present.sum(axes).to(torch.float64)
        mean = values.sum(axes) / count.clip(min=1)
        centred = torch.where(
            present, values - mean.reshape(*slots, *[1] * (values.ndim - 1 - len(slots))), 0.0
        )
        return cls(count, mean, centred.square().sum(axes))

    def __add__(self, other: "_Moments") -> "_Moments":
        count = self.count + other.count
        share = other.count / count.clip(min=1)
        shift = other.mean - self.mean
        squares = self.squares + other.squares + shift**2 * self.count * share
        return _Moments(count, self.mean + shift * share, squares)

    def value(self, modality: Modality) -> tuple[Tensor, Tensor]:
        """Give mean and population deviation per slot."""
        axes = list(range(1, self.count.ndim))
        channels = self.count.sum(axes) if axes else self.count
        if (channels == 0).any():
            channel = int(torch.argmin(channels))
            raise InputError(
                f"{modality}: channel {channel} is missing at every training site, expected values "
                "at some; drop the channel or check its source and nodata value"
            )
        mean, variance = self.mean, self.squares / self.count.clip(min=1)
        if axes:
            mean, variance = self._filled(axes, mean, variance)
        deviation = variance.sqrt()
        return mean, torch.where(deviation < _SMALLEST_DEVIATION, 1.0, deviation)

    def _filled(self, axes: list[int], mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Give slots without values the statistics of their channel."""
        total = self.count.sum(axes, keepdim=True)
        pooled = (self.count * mean).sum(axes, keepdim=True) / total
        spread = (self.squares + self.count * (mean - pooled) ** 2).sum(axes, keepdim=True) / total
        empty = self.count == 0
        return torch.where(empty, pooled, mean), torch.where(empty, spread, variance)


def _check_shape(modality: Modality, shape: tuple[int, ...]) -> None:
    """Refuse inputs whose channels are not the modality's."""
    names = CHANNELS.get(modality)
    dims = 1 if modality == "predictors" else 3
    if len(shape) != dims or (names is not None and shape[0] != len(names)):
        expected = f"(n, {len(names)}, rows, columns) of {names}" if names else "(n, predictors)"
        raise InputError(
            f"{modality}: inputs have shape (n, {', '.join(map(str, shape))}), "
            f"expected {expected}; give these channels, in this order"
        )


def _preset(
    modality: Modality, shape: tuple[int, ...], settings: NormalisationSettings
) -> Normalisation:
    preset = PRESETS[settings.preset].get(modality)
    if preset is None:
        raise InputError(
            f"normalisation of {modality}: preset {settings.preset!r} has no constants for it, "
            f"expected one of {sorted(PRESETS[settings.preset])}; choose preset 'fitted'"
        )
    return Normalisation(
        shape=shape,
        encoding=preset.encoding,
        missing=settings.missing,
        mean=preset.mean,
        deviation=preset.deviation,
    )
