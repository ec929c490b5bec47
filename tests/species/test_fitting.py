import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.species import fitting
from biomap_xr.species.fitting import fit
from biomap_xr.species.settings import NormalisationSettings

FITTED = NormalisationSettings()
SLOTS = NormalisationSettings(statistics="slot")


@pytest.mark.parametrize("batch", [10, 5000, 1 << 19])
def test_equals_numpy_over_present_values_whatever_the_batches(batch, raw, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "_BATCH_NUMBERS", batch)
    cubes = raw(20)["landsat"]
    cubes[3, :, 2, 5:] = 255
    indices = np.array([0, 3, 4, 9, 17])
    chosen = np.where(cubes[indices] == 255, np.nan, cubes[indices].astype(float))
    result = fit("landsat", cubes, indices, FITTED)
    np.testing.assert_allclose(result.mean, np.nanmean(chosen, (0, 2, 3)))
    np.testing.assert_allclose(result.deviation, np.nanstd(chosen, (0, 2, 3)))


def test_other_sites_do_not_leak_in(raw) -> None:
    windows = raw(10)["sentinel2"]
    before = fit("sentinel2", windows, np.arange(5), FITTED)
    windows[5:] = 9999
    assert fit("sentinel2", windows, np.arange(5), FITTED) == before


def test_slots_have_their_own_statistics_and_empty_ones_their_channels() -> None:
    cubes = np.random.default_rng(1).integers(1000, 3000, (30, 4, 19, 12)).astype(np.uint16)
    cubes[:, 0, 18, 6:] = 65535
    values = np.where(cubes == 65535, np.nan, cubes.astype(float))
    result = fit("climate", cubes, np.arange(30), SLOTS)
    mean = np.array(result.mean).reshape(4, 19, 12)
    deviation = np.array(result.deviation).reshape(4, 19, 12)
    np.testing.assert_allclose(mean[:, :18], values[:, :, :18].mean(0))
    np.testing.assert_allclose(deviation[1:], values[:, 1:].std(0))
    np.testing.assert_allclose(mean[0, 18, 6:], np.nanmean(values[:, 0]))
    np.testing.assert_allclose(deviation[0, 18, 6:], np.nanstd(values[:, 0]))


def test_windows_have_one_statistic_per_band(raw) -> None:
    assert len(fit("sentinel2", raw(3)["sentinel2"], np.arange(3), SLOTS).mean) == 4


def test_a_constant_channel_has_deviation_one() -> None:
    values = np.array([[5.0, 1.0], [5.0, 2.0]], np.float32)
    assert fit("predictors", values, np.arange(2), FITTED).deviation == (1.0, 0.5)


def test_presets_are_the_published_constants(raw) -> None:
    settings = NormalisationSettings(preset="geoplant_ensemble", missing="zero")
    windows = fit("sentinel2", raw(2)["sentinel2"], np.arange(2), settings)
    assert (windows.encoding, windows.mean, windows.missing) == ("gamma8", (127.5,) * 4, "zero")
    cubes = fit("climate", raw(2)["climate"], np.arange(2), settings)
    assert (cubes.mean, cubes.deviation) == ((0.0,) * 4, (1.0,) * 4)


def test_a_preset_without_the_modality_is_refused() -> None:
    settings = NormalisationSettings(preset="geoplant")
    with pytest.raises(InputError, match="preset 'geoplant' has no constants"):
        fit("predictors", np.zeros((2, 2)), np.arange(2), settings)


def test_a_channel_without_any_value_is_refused() -> None:
    values = np.array([[1.0, np.nan], [2.0, np.nan]], np.float32)
    with pytest.raises(InputError, match="predictors: channel 1 is missing at every"):
        fit("predictors", values, np.arange(2), FITTED)


@pytest.mark.parametrize(
    ("modality", "shape"),
    [("sentinel2", (2, 3, 8, 8)), ("predictors", (2, 3, 1)), ("climate", (2, 4))],
)
def test_other_channels_are_refused(modality, shape) -> None:
    with pytest.raises(InputError, match=f"{modality}: inputs have shape"):
        fit(modality, np.zeros(shape), np.arange(2), FITTED)
