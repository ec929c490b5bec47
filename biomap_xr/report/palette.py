"""Colours of the figures, for a light and a dark page.

The colour maps are straight lines of lightness in the Oklab space (Ottosson 2020), so that equal
steps of a value look like equal steps. Each begins near the page's own lightness: where little is,
little ink is.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.colors import Colormap, ListedColormap
from numpy.typing import NDArray

COLOURS = 256

# Oklab to cone responses, and cone responses to linear sRGB (Ottosson 2020).
_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@dataclass(frozen=True)
class Ramp:
    """A sequential colour map from light to dark, by knots at equal distances."""

    lightness: tuple[float, float]
    """Oklab lightness of its light and its dark end, 0 to 1."""
    chroma: tuple[float, ...]
    """Oklab chroma at the knots."""
    hue: tuple[float, ...]
    """Oklab hue at the knots, in degrees."""

    def colours(self) -> NDArray[np.float64]:
        """Return sRGB colours ``(colours, 3)``, 0 to 1, light to dark."""
        place = np.linspace(0, 1, COLOURS)
        knots = np.linspace(0, 1, len(self.hue))
        angle = np.deg2rad(np.interp(place, knots, self.hue))
        chroma = np.interp(place, knots, self.chroma)
        lightness = self.lightness[0] + place * (self.lightness[1] - self.lightness[0])
        return srgb(np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1))


RAMPS: dict[str, Ramp] = {
    "meadow": Ramp((0.965, 0.27), (0.03, 0.13, 0.12, 0.09, 0.07), (112, 122, 158, 205, 262)),
    "leaf": Ramp((0.965, 0.28), (0.02, 0.10, 0.135, 0.12, 0.06), (115, 128, 140, 150, 165)),
    "dusk": Ramp((0.965, 0.27), (0.035, 0.11, 0.16, 0.15, 0.10), (85, 60, 20, -25, -60)),
}
"""Numbers of species, probabilities, and how uncertain a number is."""


def srgb(oklab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn Oklab colours ``(n, 3)`` into sRGB ``(n, 3)``, 0 to 1, cut at the borders of the gamut.

    >>> srgb(np.array([[1.0, 0.0, 0.0]])).round(3)
    array([[1., 1., 1.]])
    """
    linear = np.clip(((oklab @ _TO_CONES.T) ** 3) @ _TO_LINEAR.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Theme:
    """The colours of a page."""

    name: str
    paper: str
    ink: str
    quiet: str
    """Labels and ticks."""
    line: str
    """Frames."""
    nodata: str
    """Sea and cells without a prediction."""
    accent: str
    reference: str
    """What a run is compared with."""
    empty: str
    """Cells in which nothing of interest is present."""

    def ramp(self, name: str) -> Colormap:
        """Return a colour map of `RAMPS` that begins near this page's lightness."""
        return _colormap(name, reverse=self.name == "dark").with_extremes(bad=self.nodata)


LIGHT = Theme(
    name="light",
    paper="#fdfcf9",
    ink="#1d2521",
    quiet="#66706a",
    line="#c9cec9",
    nodata="#e3e5e3",
    accent="#1f6f50",
    reference="#b8803a",
    empty="#f6f3ea",
)
DARK = Theme(
    name="dark",
    paper="#161a18",
    ink="#e8ebe7",
    quiet="#9aa49e",
    line="#3a423d",
    nodata="#262b29",
    accent="#6fcf9f",
    reference="#dba964",
    empty="#4a524d",
)


@cache
def _colormap(name: str, *, reverse: bool) -> Colormap:
    colours = RAMPS[name].colours()
    return ListedColormap(colours[::-1] if reverse else colours, name=name)
