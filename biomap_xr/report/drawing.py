"""What every map and chart of a report is drawn with: canvas, frame, scale bar, titles, PNG.

Nothing is kept in Matplotlib's global state, so that figures may be drawn in threads.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib_scalebar.scalebar import ScaleBar
from numpy.typing import NDArray

from biomap_xr.report.lettering import drawable
from biomap_xr.report.palette import Theme
from biomap_xr.report.thinning import Frame

DOTS_PER_INCH = 150
ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


def png(figure: Figure) -> bytes:
    """Render a figure as PNG; the same figure gives the same bytes."""
    stream = BytesIO()
    figure.savefig(
        stream,
        format="png",
        dpi=DOTS_PER_INCH,
        facecolor=figure.get_facecolor(),
        bbox_inches="tight",
        pad_inches=0.15,
        # The version of Matplotlib would make equal pictures differ.
        metadata={"Software": None},
    )
    return stream.getvalue()


def round_up(values: NDArray[np.float64]) -> float:
    """Return a round number that all but a thousandth of the finite values stay below.

    >>> round_up(np.array([0.0, 17.3, np.nan]))
    20.0
    """
    # The maximum of a million cells is an outlier; a scale that ends there looks empty.
    known = values[np.isfinite(values)]
    top = float(np.quantile(known, 0.999)) if known.size else 0.0
    if top <= 0:
        return 1.0
    unit = 10.0 ** np.floor(np.log10(top))
    steps = np.array(ROUND) * unit
    return float(steps[np.searchsorted(steps, top * (1 - 1e-9))])


def canvases(theme: Theme, frame: Frame, count: int = 1) -> tuple[Figure, list[Axes]]:
    """Lay out ``count`` maps beside each other, in the shape of the mapped area."""
    left, right, bottom, top = frame.extent
    width = 6.4 if count == 1 else 3.4
    # A map of a strip of tiles stays readable, one of a column of tiles stays on the page.
    height = float(np.clip(width * (top - bottom) / (right - left), 2.0, 12.0))
    size = (width * count + 1.4, height + 1.0)
    figure = Figure(figsize=size, layout="compressed", facecolor=theme.paper)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def paint(
    axes: Axes, frame: Frame, values: NDArray[Any], scale: ScalarMappable, theme: Theme
) -> None:
    """Draw values ``(rows, columns)`` on a colour scale; NaN is nodata."""
    picture = axes.imshow(
        values, cmap=scale.get_cmap(), extent=frame.extent, interpolation="nearest"
    )
    picture.set_norm(scale.norm)
    dress_map(axes, frame, theme)


def scale_of(values: NDArray[np.float64], ramp: str, theme: Theme) -> ScalarMappable:
    """Return a colour scale from 0 to a round number above the values (any shape)."""
    return ScalarMappable(Normalize(0, round_up(values)), theme.ramp(ramp))


def dress_map(axes: Axes, frame: Frame, theme: Theme) -> None:
    """Label a map's axes and give it a scale bar."""
    east, north = ("Easting", "Northing") if frame.unit == "km" else ("Longitude", "Latitude")
    axes.set_xlabel(f"{east} ({frame.unit}, {frame.crs})", color=theme.quiet, fontsize=8.5)
    axes.set_ylabel(f"{north} ({frame.unit})", color=theme.quiet, fontsize=8.5)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter("{x:g}")
    dress(axes, theme)
    if frame.unit == "km":
        bar = ScaleBar(
            1,
            "km",
            length_fraction=0.25,
            width_fraction=0.008,
            location="lower left",
            border_pad=0.8,
            color=theme.ink,
            box_color=theme.paper,
            box_alpha=0.75,
            scale_loc="top",
            font_properties={"size": 8},
        )
        axes.add_artist(bar)


def dress(axes: Axes, theme: Theme) -> None:
    """Give axes the colours of a page."""
    axes.set_facecolor(theme.paper)
    axes.tick_params(color=theme.line, labelcolor=theme.quiet, labelsize=8, length=3)
    for spine in axes.spines.values():
        spine.set_color(theme.line)


def entitle(axes: Axes, title: str, subtitle: str, theme: Theme) -> None:
    """Write a title and a quieter line below it, flush left above the axes."""
    # Names are data: a dollar sign in one must not start a formula.
    for text, height, size, weight, colour in (
        (title, 19, 11.5, "bold", theme.ink),
        (subtitle, 6, 9, "normal", theme.quiet),
    ):
        axes.annotate(
            drawable(text),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, height),
            textcoords="offset points",
            fontsize=size,
            fontweight=weight,
            color=colour,
            parse_math=False,
        )


def colour_bar(
    figure: Figure, axes: Sequence[Axes], scale: ScalarMappable, label: str, theme: Theme
) -> Axes:
    """Draw a colour bar for several axes and return its own axes."""
    bar = figure.colorbar(scale, ax=list(axes), shrink=0.72, aspect=26, pad=0.02)
    bar.outline.set_edgecolor("none")
    bar.ax.tick_params(color=theme.line, labelcolor=theme.quiet, labelsize=8, length=3)
    bar.ax.set_ylabel(label, color=theme.quiet, fontsize=8.5)
    return bar.ax
