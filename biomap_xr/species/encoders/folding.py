"""Convolution, batch normalisation and their product in inference, one affine map."""

from typing import cast

import torch
from torch import Tensor, nn


def fold(layer: nn.Conv1d | nn.Conv2d | nn.Linear, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Fold a batch normalisation in its inference form into the layer before it; exact.

    Args:
        layer: A convolution or linear layer with weights (out, in, ...) and bias ``(out,)``.
        norm: ``BatchNorm`` over the layer's ``out`` channels, with running statistics.

    Returns:
        Weight in the layer's shape and bias ``(out,)``.
    """
    batch_norm = cast("nn.BatchNorm2d", norm)
    mean, variance = cast("Tensor", batch_norm.running_mean), cast("Tensor", batch_norm.running_var)
    scale = batch_norm.weight / torch.sqrt(variance + batch_norm.eps)
    weight = layer.weight * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    bias = torch.zeros_like(mean) if layer.bias is None else layer.bias
    return weight, (bias - mean) * scale + batch_norm.bias


def convolve(x: Tensor, layer: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """Convolve and normalise: two steps in training, one folded step in inference.

    Args:
        x: ``(n, in, rows, columns)``.
        layer: 3 x 3 convolution of stride 1; its padding is kept.
        norm: Over its output channels.

    Returns:
        ``(n, out, rows, columns)``, before the activation.
    """
    if norm.training:
        return norm(layer(x))
    weight, bias = fold(layer, norm)
    return nn.functional.conv2d(x, weight, bias, padding=cast("tuple[int, int]", layer.padding))
