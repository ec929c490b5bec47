import numpy as np
import pytest
import torch
from pydantic import ValidationError

from biomap_xr.errors import InputError
from biomap_xr.species.normalisation import Normalisation, Normaliser, decode


def _normaliser(modality: str, shape: tuple[int, ...], **values) -> Normaliser:
    settings = {"mean": (2.0,) * shape[0], "deviation": (4.0,) * shape[0], **values}
    return Normaliser(modality=modality, normalisation=Normalisation(shape=shape, **settings))


def test_values_by_hand() -> None:
    normaliser = _normaliser("predictors", (2,))
    raw = torch.tensor([[10.0, 2.0], [np.nan, 0.0]])
    torch.testing.assert_close(normaliser(raw), torch.tensor([[2.0, 0.0], [0.0, -0.5]]))


@pytest.mark.parametrize(
    ("modality", "shape", "dtype", "fill"),
    [
        ("landsat", (6, 4, 21), torch.uint8, 255),
        ("climate", (4, 19, 12), torch.uint16, 65535),
        ("sentinel2", (4, 32, 32), torch.uint16, 0),
    ],
)
@pytest.mark.parametrize(("missing", "expected"), [("mean", 0.0), ("zero", -0.5)])
def test_fill_values_count_as_mean_or_as_raw_zero(
    modality, shape, dtype, fill, missing, expected
) -> None:
    raw = torch.full((1, *shape), fill).to(dtype)
    result = _normaliser(modality, shape, missing=missing)(raw)
    torch.testing.assert_close(result, torch.full((1, *shape), expected))


def test_nan_and_fill_are_the_same_in_float_cubes() -> None:
    raw = torch.full((1, 6, 4, 21), float("nan"))
    raw[0, 0] = 255.0
    assert float(_normaliser("landsat", (6, 4, 21))(raw).abs().max()) == 0


def test_gamma_is_the_published_jpeg_encoding() -> None:
    raw = torch.tensor([[[[0, 5000, 10_000, 20_000]]]], dtype=torch.int32)
    values, missing = decode("sentinel2", raw, "gamma8", torch.float64)
    expected = [0.0, 255 * 0.5**0.4, 255.0, 255.0]
    np.testing.assert_allclose(values.flatten().numpy(), expected)
    assert missing.flatten().tolist() == [True, False, False, False]


def test_patches_and_reflectance_meet_in_either_encoding() -> None:
    reflectance = torch.arange(200, 9000, 400).to(torch.uint16).reshape(1, 1, 1, -1)
    patch = (255 * (reflectance.double() / 10_000) ** 0.4).round().to(torch.uint8)
    for encoding, tolerance in (("gamma8", 0.5), ("linear", 0.006)):
        direct, _ = decode("sentinel2", reflectance, encoding, torch.float64)
        through_patch, _ = decode("sentinel2", patch, encoding, torch.float64)
        torch.testing.assert_close(through_patch, direct, rtol=0, atol=tolerance)


def test_statistics_per_slot_keep_their_place() -> None:
    shape = (2, 3, 2)
    mean = tuple(float(value) for value in range(12))
    normalisation = Normalisation(shape=shape, mean=mean, deviation=(1.0,) * 12)
    expected = torch.arange(12, dtype=torch.float64).reshape(shape)
    torch.testing.assert_close(normalisation.array(mean), expected)


def test_infinity_is_refused() -> None:
    with pytest.raises(InputError, match=r"predictors: 1 infinite values, expected numbers or NaN"):
        _normaliser("predictors", (2,))(torch.tensor([[np.inf, 0.0]]))


def test_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 4, 64, 64\), expected \(n, 4, 32, 32\)"):
        _normaliser("sentinel2", (4, 32, 32))(torch.zeros(1, 4, 64, 64))


def test_other_channels_are_refused_in_a_raster() -> None:
    with pytest.raises(InputError, match=r"3 channels, expected 4.*'nir'"):
        _normaliser("sentinel2", (4, 32, 32)).standardise(torch.zeros(1, 3, 99, 99))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": (0.0,), "deviation": (1.0, 1.0)}, "mean: 1 values"),
        ({"mean": (0.0, 0.0), "deviation": (1.0, 0.0)}, r"deviation: 0\.0 is not above zero"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(values, message) -> None:
    with pytest.raises(ValidationError, match=message):
        Normalisation(shape=(2,), **values)


def test_the_weights_file_holds_no_second_copy() -> None:
    assert not _normaliser("predictors", (2,)).state_dict()
