"""The lattice encoder: one pooled pixel is one 50 m cell, so a tile is one dense convolution.

Four 3 x 3 convolutions without padding, the first pooling 5 x 5, no second pooling: a window of
128 pixels becomes 126, 124, 24, 22 and 20 positions, which are averaged. Evaluated densely, every
layer is computed once per raster instead of once per window, and the average is a box filter: the
same numbers at several hundred times the speed.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from biomap_xr.species.encoders.boxes import box_sum
from biomap_xr.species.encoders.folding import convolve, fold

STEP = 5
"""Pixels of 10 m that make one 50 m map cell: the first pooling."""
SMALLEST_WINDOW = 29
"""A smaller window leaves no position to average."""


def positions(window: int) -> int:
    """Count the positions along one side that a window's average takes.

    >>> positions(128), positions(64)
    (20, 8)
    """
    return (window - 4) // STEP - 4


class Lattice(nn.Module):
    """Sentinel-2 encoder with an exact dense form."""

    def __init__(
        self,
        *,
        channels: int,
        widths: tuple[int, int, int, int],
        precision: str = "float32",
        strip: int = 32,
    ) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv1 = nn.Conv2d(channels, first, 3)
        self.bn1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3)
        self.bn2 = nn.BatchNorm2d(second)
        self.conv3 = nn.Conv2d(second, third, 3)
        self.bn3 = nn.BatchNorm2d(third)
        self.conv4 = nn.Conv2d(third, fourth, 3)
        self.bn4 = nn.BatchNorm2d(fourth)
        self.width = fourth
        self.reduced = precision == "bfloat16"
        self.strip = strip

    def forward(self, x: Tensor) -> Tensor:
        """Embed standardised windows.

        Args:
            x: ``(n, channels, window, window)``.

        Returns:
            ``(n, width)``.
        """
        x = x.contiguous(memory_format=torch.channels_last)
        x = torch.relu(convolve(x, self.conv1, self.bn1))
        # Pooling and ReLU commute, and after the pooling there is 25 times less to do.
        x = torch.relu(nn.functional.max_pool2d(convolve(x, self.conv2, self.bn2), STEP))
        x = torch.relu(convolve(x, self.conv3, self.bn3))
        return torch.relu(convolve(x, self.conv4, self.bn4)).mean((2, 3))

    @torch.no_grad()
    def dense(self, x: Tensor, *, window: int) -> Tensor:
        """Embed every map cell of a raster, a strip of cell rows at a time.

        Equal to ``forward`` on each cell's window in inference mode; memory beside the result is
        bounded by the strip.

        Args:
            x: ``(channels, rows, columns)`` standardised 10 m pixels, ``5 (cells - 1) + window`` a
                side.
            window: Side of a cell's window in pixels, at least 29.

        Returns:
            (width, cell rows, cell columns): cell (i, j) has the window that starts at pixel
            (5 i, 5 j).
        """
        size = positions(window)
        rows, columns = ((length - window) // STEP + 1 for length in x.shape[1:])
        result = x.new_empty(self.width, rows, columns)
        sums, done = x.new_empty(0, columns, self.width), 0
        for strip in self._strips(x, rows + size - 1):
            # Sums along the columns are kept until the rows below them have come.
            sums = torch.cat([sums, box_sum(strip, size, 1)[:, :columns]])
            ready = max(sums.shape[0] - size + 1, 0)
            if ready:
                block = box_sum(sums, size, 0) / size**2
                result[:, done : done + ready] = block.permute(2, 0, 1)
                sums, done = sums[ready:], done + ready
        return result

    def _strips(self, x: Tensor, rows: int) -> Iterator[Tensor]:
        """Yield activations after the last convolution as strips ``(rows, columns, width)``."""
        dtype = torch.bfloat16 if self.reduced else x.dtype
        layers = [
            tuple(part.to(dtype) for part in fold(conv, norm))
            for conv, norm in (
                (self.conv1, self.bn1),
                (self.conv2, self.bn2),
                (self.conv3, self.bn3),
                (self.conv4, self.bn4),
            )
        ]
        for start in range(0, rows, self.strip):
            stop = min(start + self.strip, rows)
            strip = x[None, :, STEP * start : STEP * (stop + 4) + 4].to(dtype)
            strip = strip.contiguous(memory_format=torch.channels_last)
            for index, (weight, bias) in enumerate(layers):
                strip = nn.functional.conv2d(strip, weight, bias)
                if index == 1:
                    strip = nn.functional.max_pool2d(strip, STEP)
                strip = torch.relu_(strip)
            yield strip[0].permute(1, 2, 0).to(x.dtype)
