"""Encoder of static predictors: a multilayer perceptron."""

import torch
from torch import Tensor, nn


class Vector(nn.Module):
    """Linear layers, each with batch normalisation and ReLU."""

    def __init__(self, *, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        sizes = (channels, *widths)
        self.layers = nn.ModuleList(
            nn.Linear(before, after) for before, after in zip(sizes, widths, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.width = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Embed standardised predictors.

        Args:
            x: ``(n, channels)``.

        Returns:
            ``(n, width)``.
        """
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = torch.relu(norm(layer(x)))
        return x
