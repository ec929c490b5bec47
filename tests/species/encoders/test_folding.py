import pytest
import torch
from torch import nn

from biomap_xr.species.encoders.folding import convolve, fold


def _normalised(norm: nn.Module) -> nn.Module:
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm.double().eval()


@pytest.mark.parametrize(
    ("layer", "norm", "x"),
    [
        (nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), torch.randn(2, 3, 6, 7)),
        (nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), torch.randn(2, 3, 6)),
        (nn.Linear(3, 5), nn.BatchNorm1d(5), torch.randn(2, 3)),
    ],
)
def test_one_step_equals_two(layer: nn.Module, norm: nn.Module, x: torch.Tensor) -> None:
    layer, norm, x = layer.double(), _normalised(norm), x.double()
    expected = norm(layer(x))
    layer.weight.data, layer.bias.data = fold(layer, norm)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-13)


def test_a_layer_without_bias_takes_the_norms() -> None:
    layer, norm = nn.Conv2d(2, 3, 3, bias=False).double(), _normalised(nn.BatchNorm2d(3))
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64)
    weight, bias = fold(layer, norm)
    torch.testing.assert_close(nn.functional.conv2d(x, weight, bias), norm(layer(x)))


def test_training_uses_the_statistics_of_the_batch() -> None:
    layer, norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
    x = torch.randn(4, 2, 6, 6)
    torch.testing.assert_close(
        convolve(x, layer, norm).mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-6
    )
    norm.eval()
    torch.testing.assert_close(convolve(x, layer, norm), norm(layer(x)), rtol=1e-5, atol=1e-6)
