"""The published "ResNet-6": four zero-padded convolutions without skip connections.

GeoPlant, ``baselines/MME`` notebooks; paper 1 calls it six residual blocks (section 3), its
released code has none.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from biomap_xr.errors import InputError
from biomap_xr.species.encoders.folding import convolve

STEP = 5
"""Pixels of 10 m from one 50 m map cell to the next."""

PREFIXES = {
    "landsat": "landsat_model.",
    "climate": "bioclim_model.",
    "sentinel2": "sentinel_model.",
}
"""Where the ensemble's published state dict keeps each branch."""

LAYERS = tuple(
    f"{layer}{index}.{name}"
    for index in range(1, 5)
    for layer, names in (
        ("conv", ("weight", "bias")),
        ("bn", ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
    )
    for name in names
)
"""The state dict names of one encoder."""


class Published(nn.Module):
    """64-128-pool-256-512-pool, average of all positions; zero padding everywhere."""

    def __init__(self, *, channels: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv1 = nn.Conv2d(channels, first, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(second)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(third)
        self.conv4 = nn.Conv2d(third, fourth, 3, padding=1)
        self.bn4 = nn.BatchNorm2d(fourth)
        self.width = fourth

    def forward(self, x: Tensor) -> Tensor:
        """Embed standardised windows or cubes.

        Args:
            x: ``(n, channels, rows, columns)``, at least 4 x 4; an odd last row or column is seen
                by the convolutions and dropped by the pooling, as published.

        Returns:
            ``(n, width)``.
        """
        x = torch.relu(convolve(x, self.conv1, self.bn1))
        x = nn.functional.max_pool2d(torch.relu(convolve(x, self.conv2, self.bn2)), 2)
        x = torch.relu(convolve(x, self.conv3, self.bn3))
        x = nn.functional.max_pool2d(torch.relu(convolve(x, self.conv4, self.bn4)), 2)
        return x.mean((2, 3))

    def dense(self, x: Tensor, *, window: int) -> Tensor:
        """Embed every map cell of a raster, window by window (the exact but slow way).

        Args:
            x: ``(channels, rows, columns)`` standardised 10 m pixels.
            window: Side of a cell's window in pixels.

        Returns:
            (width, cell rows, cell columns): cell (i, j) has the window that starts at pixel
            (5 i, 5 j).
        """
        windows = x.unfold(1, window, STEP).unfold(2, window, STEP)
        rows = [
            torch.cat(
                [
                    self(row[:, start : start + 16].transpose(0, 1))
                    for start in range(0, row.shape[1], 16)
                ]
            )
            for row in windows.unbind(1)
        ]
        return torch.stack(rows).permute(2, 0, 1)


def branch_state(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Pick one encoder's tensors out of a published state dict.

    Args:
        state: Names to tensors, of an ensemble (``landsat_model.conv1.weight`` ...) or of a single
            modality (``conv1.weight`` ...).
        prefix: One of ``PREFIXES`` or "" for a single modality.

    Returns:
        The tensors by the names that ``Published.load_state_dict`` takes.

    Raises:
        InputError: A tensor of the encoder is missing.
    """
    missing = [prefix + name for name in LAYERS if prefix + name not in state]
    if missing:
        raise InputError(
            f"state dict has no {missing[0]!r} ({len(missing)} of {len(LAYERS)} tensors missing), "
            f"expected the names of the published ResNet-6; it holds {sorted(state)[:3]} ...; "
            "check that the checkpoint is of this modality"
        )
    return {name: state[prefix + name] for name in LAYERS}
