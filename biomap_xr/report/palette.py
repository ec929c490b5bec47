"""Colours of the figures, for a light and a dark page.

The colour maps are Crameri's (2018), along which equal steps of a value look like equal steps. Each
begins near the page's own lightness: where little is, little ink is.
"""

from dataclasses import dataclass

from cmcrameri import cm
from matplotlib.colors import Colormap

AMOUNT, CONCERN = "navia", "lajolla"
RAMPS = (AMOUNT, CONCERN)
"""For numbers, probabilities and shares; for what is a cause for concern, and for spreads."""


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
        """Return a sequential colour map of `RAMPS` that begins near this page's lightness."""
        # They run from dark to light.
        ramp: Colormap = cm.cmaps[name] if self.name == "dark" else cm.cmaps[name].reversed()
        return ramp.with_extremes(bad=self.nodata)


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
