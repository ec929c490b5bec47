import numpy as np
import pytest

from biomap_xr.report.palette import DARK, LIGHT, RAMPS, Theme, srgb


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours (n, 3): another space than the one the ramps are made in."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    cube_root = np.cbrt(luminance)
    return np.where(luminance > 216 / 24389, 116 * cube_root - 16, luminance * 24389 / 27)


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float((lightness(parts[np.newaxis]) + 16)[0] / 116) ** 3


@pytest.mark.parametrize("name", RAMPS)
def test_lightness_falls_evenly_along_a_ramp(name: str) -> None:
    steps = -np.diff(lightness(RAMPS[name].colours()))
    assert steps.min() > 0
    assert steps.max() < 3 * steps.mean()


@pytest.mark.parametrize("name", RAMPS)
def test_little_is_near_the_page_on_both_pages(name: str) -> None:
    few, many = LIGHT.ramp(name)(0.0), LIGHT.ramp(name)(1.0)
    assert sum(few[:3]) > sum(many[:3])
    assert DARK.ramp(name)(0.0) == many
    assert DARK.ramp(name)(1.0) == few


def test_known_colours_of_oklab() -> None:
    # Ottosson's own table: red is (0.628, 0.225, 0.126).
    found = srgb(np.array([[0.62796, 0.22486, 0.12585], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 0, 0]], atol=2e-3)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("part", ["ink", "quiet", "accent"])
def test_text_has_enough_contrast_to_read(theme: Theme, part: str) -> None:
    bright, dim = sorted([luminance(theme.paper), luminance(getattr(theme, part))], reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5
