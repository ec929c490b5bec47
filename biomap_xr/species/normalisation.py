"""One normalisation per modality, stored in the card, applied in one place.

The published code normalises training, validation and test data with different constants; here
there is one set, part of the model, and one place that applies it.
"""

from math import prod
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn

from biomap_xr.errors import InputError
from biomap_xr.settings import Settings
from biomap_xr.species.settings import Modality

FILL: dict[Modality, float] = {
    "sentinel2": 0.0,
    "landsat": 255.0,
    "climate": 65535.0,
    "predictors": float("nan"),
}
"""The raw value that means missing, beside NaN."""

CHANNELS: dict[Modality, tuple[str, ...]] = {
    "sentinel2": ("red", "green", "blue", "nir"),
    "landsat": ("red", "green", "blue", "nir", "swir1", "swir2"),
    "climate": ("pr", "tas", "tasmax", "tasmin"),
}
"""Channel names where they are fixed; predictors have any number."""

REFLECTANCE = 10_000.0
"""Raw Sentinel-2 value of reflectance 1."""
GAMMA = 2.5
"""Of the published JPEG patches: 255 (clip(raw, 0, 10000) / 10000)^(1/2.5)."""


class Normalisation(Settings):
    """What turns one modality's raw values into an encoder's input: (value - mean) / deviation."""

    shape: tuple[int, ...]
    """Of one input: ``(channels, rows, columns)``, or ``(channels,)`` for predictors."""
    encoding: Literal["linear", "gamma8"] = "linear"
    missing: Literal["mean", "zero"] = "mean"
    mean: tuple[float, ...]
    """One per channel, or one per channel and slot (row-major)."""
    deviation: tuple[float, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        sizes = {self.shape[0], prod(self.shape)}
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if len(values) not in sizes:
                raise ValueError(
                    f"{name}: {len(values)} values for inputs of shape {self.shape}, expected one "
                    f"per channel ({self.shape[0]}) or per slot ({prod(self.shape)}); fit it again"
                )
        if min(self.deviation) <= 0:
            raise ValueError(
                f"deviation: {min(self.deviation)} is not above zero; fit the normalisation again"
            )
        return self

    def array(self, values: tuple[float, ...]) -> Tensor:
        """Give statistics the dims that broadcast over (n, *shape), as float64."""
        slots = (
            self.shape
            if len(values) == prod(self.shape)
            else (len(values), *[1] * (len(self.shape) - 1))
        )
        return torch.tensor(values, dtype=torch.float64).reshape(slots)


def decode(
    modality: Modality, raw: Tensor, encoding: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Turn raw values into the units of the normalisation, with a mask of the missing ones.

    Sentinel-2 is reflectance times 10,000, or the 8-bit gamma scale of JPEG patches when the type
    is uint8; either is brought to the model's own encoding.

    Args:
        modality: What the values are.
        raw: Any shape, integers or floats; missing as the fill value or NaN.
        encoding: ``linear`` (reflectance in 0..1) or ``gamma8`` (0..255), for Sentinel-2 only.
        dtype: Of the result.

    Returns:
        Values and mask (True = missing), in the shape of ``raw``; values under the mask mean
        nothing.

    Raises:
        InputError: There are infinite values.
    """
    values = raw.to(dtype)
    missing = values == FILL[modality]
    if raw.is_floating_point():
        if torch.isinf(raw).any():
            raise InputError(
                f"{modality}: {int(torch.isinf(raw).sum())} infinite values, expected numbers or "
                "NaN for missing; find the source layer that holds them and state its nodata value"
            )
        missing = missing | torch.isnan(values)
    if modality == "sentinel2":
        values = _encode(values, compressed=raw.dtype == torch.uint8, encoding=encoding)
    return values, missing


def _encode(values: Tensor, *, compressed: bool, encoding: str) -> Tensor:
    """Bring Sentinel-2 values to the model's encoding."""
    if encoding == "gamma8":
        if compressed:
            return values
        return 255.0 * (values.clip(0.0, REFLECTANCE) / REFLECTANCE) ** (1.0 / GAMMA)
    return (values / 255.0) ** GAMMA if compressed else values / REFLECTANCE


class Normaliser(nn.Module):
    """Applies a normalisation; the only place where raw values are touched."""

    mean: Tensor
    scale: Tensor
    substitute: Tensor

    def __init__(self, *, modality: Modality, normalisation: Normalisation) -> None:
        super().__init__()
        self.modality = modality
        self.normalisation = normalisation
        mean = normalisation.array(normalisation.mean)
        deviation = normalisation.array(normalisation.deviation)
        substitute = (
            -mean / deviation if normalisation.missing == "zero" else torch.zeros_like(mean)
        )
        dtype = torch.get_default_dtype()
        # The card holds these numbers; the weights file need not.
        for name, value in (("mean", mean), ("scale", 1 / deviation), ("substitute", substitute)):
            self.register_buffer(name, value.to(dtype), persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        """Standardise raw inputs.

        Args:
            raw: (n, *shape), integers or floats, missing as fill value or NaN.

        Returns:
            (n, *shape) float; missing is 0 (the mean), or what a raw zero becomes.

        Raises:
            InputError: The shape is another or there are infinite values.
        """
        expected = self.normalisation.shape
        if tuple(raw.shape[1:]) != expected:
            raise InputError(
                f"{self.modality}: inputs have shape {tuple(raw.shape)}, expected (n, "
                f"{', '.join(map(str, expected))}); cut them as the model's card says"
            )
        return self.standardise(raw)

    def standardise(self, raw: Tensor) -> Tensor:
        """Standardise values whose trailing dims broadcast with the statistics.

        Args:
            raw: (n, channels, ...), of any extent where statistics are per channel.

        Returns:
            The same shape, float.

        Raises:
            InputError: The number of channels is another or there are infinite values.
        """
        if raw.shape[1] != self.normalisation.shape[0]:
            raise InputError(
                f"{self.modality}: inputs have {raw.shape[1]} channels, expected "
                f"{self.normalisation.shape[0]} {CHANNELS.get(self.modality, '')}; "
                "give these, in this order"
            )
        encoding = self.normalisation.encoding
        values, missing = decode(self.modality, raw, encoding, self.mean.dtype)
        return torch.where(missing, self.substitute, (values - self.mean) * self.scale)
