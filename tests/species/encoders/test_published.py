import pytest
import torch
from torch import nn

from biomap_xr.errors import InputError
from biomap_xr.species.encoders.published import LAYERS, STEP, Published, branch_state

PUBLISHED = (64, 128, 256, 512)


@pytest.mark.parametrize(("channels", "expected"), [(4, 1_553_472), (6, 1_554_624)])
def test_parameter_counts_of_the_published_net(channels: int, expected: int) -> None:
    encoder = Published(channels=channels, widths=PUBLISHED)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == expected


def test_state_dict_names_are_the_published_ones() -> None:
    assert set(Published(channels=4, widths=PUBLISHED).state_dict()) == set(LAYERS)


def _reference(encoder: Published) -> nn.Sequential:
    """The notebook's layers, in its order."""
    return nn.Sequential(
        encoder.conv1, encoder.bn1, nn.ReLU(),
        encoder.conv2, encoder.bn2, nn.ReLU(), nn.MaxPool2d(2),
        encoder.conv3, encoder.bn3, nn.ReLU(),
        encoder.conv4, encoder.bn4, nn.ReLU(), nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(4, 128, 128), (4, 64, 64), (6, 4, 21), (4, 19, 12)])
@pytest.mark.parametrize("training", [True, False])
def test_equals_the_plain_layers(shape: tuple[int, int, int], training: bool) -> None:
    encoder = Published(channels=shape[0], widths=(4, 5, 6, 7)).double().train(training)
    x = torch.randn(3, *shape, dtype=torch.float64)
    torch.testing.assert_close(encoder(x), _reference(encoder)(x), rtol=0, atol=1e-12)


def test_the_last_odd_year_is_seen_only_through_the_filters() -> None:
    encoder = Published(channels=6, widths=(4, 5, 6, 7)).double().eval()
    x = torch.randn(1, 6, 4, 21, dtype=torch.float64)
    changed = x.clone()
    changed[..., 20] += 1
    difference = (encoder(changed) - encoder(x)).detach().abs().max()
    assert 0 < float(difference) < 1


def test_dense_is_the_window_of_each_cell() -> None:
    encoder = Published(channels=4, widths=(3, 4, 5, 6)).double().eval()
    x = torch.randn(4, 32 + 10, 32 + 90, dtype=torch.float64)
    dense = encoder.dense(x, window=32)
    assert dense.shape == (6, 3, 19)
    cell = encoder(x[None, :, 2 * STEP : 2 * STEP + 32, 17 * STEP : 17 * STEP + 32])[0]
    torch.testing.assert_close(dense[:, 2, 17], cell, rtol=0, atol=1e-12)


def test_a_branch_is_picked_out_of_the_ensembles_state() -> None:
    encoder = Published(channels=4, widths=(3, 4, 5, 6))
    state = {f"bioclim_model.{name}": value for name, value in encoder.state_dict().items()}
    other = Published(channels=4, widths=(3, 4, 5, 6))
    other.load_state_dict(branch_state(state, "bioclim_model."))
    torch.testing.assert_close(other.conv4.weight, encoder.conv4.weight)


def test_a_state_dict_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match=r"no 'sentinel_model.conv1.weight'.*fc.weight"):
        branch_state({"fc.weight": torch.zeros(1)}, "sentinel_model.")
