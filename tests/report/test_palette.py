import numpy as np
import pytest

from biomap_xr.report.palette import DARK, LIGHT, RAMPS, Theme


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours (n, 3)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    cube_root = np.cbrt(luminance)
    return np.where(luminance > 216 / 24389, 116 * cube_root - 16, luminance * 24389 / 27)


def _parts(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def luminance(colour: str) -> float:
    return float((lightness(_parts(colour)[np.newaxis]) + 16)[0] / 116) ** 3


@pytest.mark.parametrize("name", RAMPS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_ramps_run_from_the_lightness_of_the_page_and_never_back(name: str, theme: Theme) -> None:
    steps = theme.ramp(name)(np.linspace(0, 1, 64))[:, :3]
    away = np.abs(lightness(steps) - lightness(_parts(theme.paper)[np.newaxis])[0])
    # From black on, the first few steps of a dark ramp are darker than the page.
    assert away[0] < 12
    assert away[-1] > 80
    assert (np.diff(lightness(steps)) * (-1 if theme is LIGHT else 1) > 0).all()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("part", ["ink", "quiet", "accent"])
def test_text_has_enough_contrast_to_read(theme: Theme, part: str) -> None:
    bright, dim = sorted([luminance(theme.paper), luminance(getattr(theme, part))], reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5
