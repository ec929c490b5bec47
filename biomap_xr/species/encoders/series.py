"""Encoder of Landsat and climate cubes: filters along the years, a year's seasons as channels.

A quarter or a month means the same in every year, but January is not July: filters therefore slide
over years only. It costs some hundred times less than the published net, which matters because a
Landsat cube is read for each of a tile's 250,000 cells.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from biomap_xr.species.encoders.folding import fold


class Series(nn.Module):
    """Two convolutions along the years, then the average over them."""

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        years: Literal["rows", "columns"],
        widths: tuple[int, int],
        kernel: int = 3,
    ) -> None:
        super().__init__()
        channels, rows, columns = shape
        seasons = columns if years == "rows" else rows
        self.years = years
        self.conv1 = nn.Conv1d(channels * seasons, widths[0], kernel)
        self.bn1 = nn.BatchNorm1d(widths[0])
        self.conv2 = nn.Conv1d(widths[0], widths[1], kernel)
        self.bn2 = nn.BatchNorm1d(widths[1])
        self.width = widths[1]

    def forward(self, x: Tensor) -> Tensor:
        """Embed standardised cubes.

        Args:
            x: ``(n, channels, years, seasons)`` or ``(n, channels, seasons, years)``, as ``years``
                says.

        Returns:
            ``(n, width)``.
        """
        if self.years == "rows":
            x = x.transpose(2, 3)
        x = x.flatten(1, 2)
        x = torch.relu(self._along_years(x, self.conv1, self.bn1))
        return torch.relu(self._along_years(x, self.conv2, self.bn2)).mean(2)

    def _along_years(self, x: Tensor, conv: nn.Conv1d, norm: nn.BatchNorm1d) -> Tensor:
        """Convolve ``(n, channels, years)`` and normalise, folded into one step in inference."""
        if norm.training:
            return norm(conv(x))
        weight, bias = fold(conv, norm)
        return nn.functional.conv1d(x, weight, bias)
