import torch

from biomap_xr.species.encoders.vector import Vector


def test_two_layers_by_hand() -> None:
    encoder = Vector(channels=2, widths=(2, 1)).eval()
    encoder.layers[0].weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    encoder.layers[0].bias.data.zero_()
    encoder.layers[1].weight.data = torch.tensor([[2.0, 3.0]])
    encoder.layers[1].bias.data = torch.tensor([1.0])
    for norm in encoder.norms:
        norm.eps = 0.0
    # relu((4, -5)) = (4, 0) and relu((1, 5)) = (1, 5), then 2 a + 3 b + 1.
    torch.testing.assert_close(
        encoder(torch.tensor([[4.0, 5.0], [1.0, -5.0]])), torch.tensor([[9.0], [18.0]])
    )


def test_width_is_the_last_layers() -> None:
    assert Vector(channels=3, widths=(8, 5)).width == 5
