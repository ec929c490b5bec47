import pytest
import torch

from biomap_xr.species.encoders.lattice import STEP, Lattice, positions


def _encoder(strip: int, precision: str = "float32", widths=(4, 6, 8, 10)) -> Lattice:
    torch.manual_seed(1)
    encoder = Lattice(channels=4, widths=widths, strip=strip, precision=precision)
    for name, buffer in encoder.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return encoder.eval()


def _patch_wise(encoder: Lattice, x: torch.Tensor, window: int) -> torch.Tensor:
    windows = x.unfold(1, window, STEP).unfold(2, window, STEP)
    rows, columns = windows.shape[1:3]
    with torch.no_grad():
        flat = encoder(windows.permute(1, 2, 0, 3, 4).flatten(0, 1))
    return flat.T.reshape(-1, rows, columns)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("window", [128, 64, 29, 33])
@pytest.mark.parametrize("strip", [1, 7, 64])
def test_dense_equals_patch_wise(
    dtype: torch.dtype, tolerance: float, window: int, strip: int
) -> None:
    encoder = _encoder(strip).to(dtype)
    x = torch.randn(4, 5 * 5 + window, 5 * 3 + window, dtype=dtype) * 3
    dense = encoder.dense(x, window=window)
    assert dense.shape == (10, 6, 4)
    torch.testing.assert_close(dense, _patch_wise(encoder, x, window), rtol=0, atol=tolerance)


def test_strips_change_nothing() -> None:
    x = torch.randn(4, 160, 150, dtype=torch.float64)
    results = [_encoder(strip).double().dense(x, window=64) for strip in (1, 5, 100)]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=1e-14)


def test_pixels_beyond_the_last_whole_cell_are_not_used() -> None:
    encoder, x = _encoder(4), torch.randn(4, 128 + 14, 128 + 9)
    cut = encoder.dense(x[:, : 128 + 10, : 128 + 5], window=128)
    torch.testing.assert_close(encoder.dense(x, window=128), cut, rtol=0, atol=1e-6)


def test_bfloat16_is_close() -> None:
    x = torch.randn(4, 64 + 20, 64 + 20)
    exact = _encoder(8).dense(x, window=64)
    rough = _encoder(8, "bfloat16").dense(x, window=64)
    assert rough.dtype == torch.float32
    assert 0 < float((rough - exact).abs().max()) < 0.05


def test_a_constant_image_gives_its_own_value_everywhere() -> None:
    dense = _encoder(8).dense(torch.ones(4, 80, 90), window=64)
    torch.testing.assert_close(dense, dense[:, :1, :1].expand_as(dense), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("window", "expected"), [(128, 20), (64, 8), (29, 1), (33, 1), (34, 2)])
def test_positions_by_hand(window: int, expected: int) -> None:
    assert positions(window) == expected


def test_training_mode_is_the_same_function_of_its_batch_statistics() -> None:
    encoder = _encoder(4).train()
    x = torch.randn(6, 4, 64, 64)
    loss = encoder(x).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())
