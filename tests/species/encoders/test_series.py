import pytest
import torch

from biomap_xr.species.encoders.series import Series


@pytest.mark.parametrize(("shape", "years"), [((6, 4, 21), "columns"), ((4, 19, 12), "rows")])
def test_inference_equals_the_plain_layers(shape: tuple[int, int, int], years: str) -> None:
    encoder = Series(shape=shape, years=years, widths=(5, 7)).double().eval()
    encoder.bn1.running_mean.normal_()
    x = torch.randn(3, *shape, dtype=torch.float64)
    flat = (x.transpose(2, 3) if years == "rows" else x).reshape(3, -1, max(shape[1:]))
    hidden = torch.relu(encoder.bn1(encoder.conv1(flat)))
    expected = torch.relu(encoder.bn2(encoder.conv2(hidden))).mean(2)
    torch.testing.assert_close(encoder(x), expected, rtol=0, atol=1e-12)


def test_seasons_are_told_apart_and_years_are_shared() -> None:
    encoder = Series(shape=(4, 19, 12), years="rows", widths=(5, 7), kernel=1).eval()
    x = torch.randn(2, 4, 19, 12)
    torch.testing.assert_close(encoder(x.roll(5, 2)), encoder(x))
    assert float((encoder(x.roll(5, 3)) - encoder(x)).detach().abs().max()) > 1e-3
