"""Pictures of habitats: maps in the legend's colours, confidences, confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from biomap_xr.habitats.cube import NO_PERCENT
from biomap_xr.habitats.eunis import NO_HABITAT
from biomap_xr.report.drawing import canvases, colour_bar, dress, entitle, paint
from biomap_xr.report.figures import LONGEST, share_legend
from biomap_xr.report.lettering import drawable
from biomap_xr.report.palette import AMOUNT, LIGHT, Theme
from biomap_xr.report.thinning import Raster, thin

ENTRIES = 18
"""Most entries of a map's legend; the rest is summed up in one line."""
LONGEST_NAME = 44
READABLE = 40
"""Most classes whose codes are written beside a confusion matrix."""
SHARE = Normalize(0, 1)


def habitat_map(
    layer: xr.DataArray | Raster,
    colours: Mapping[int, str],
    names: Mapping[int, str],
    *,
    title: str,
    theme: Theme = LIGHT,
    longest: int = LONGEST,
    subtitle: str = "likeliest EUNIS habitat",
) -> Figure:
    """Draw a map of habitats in the colours of their legend, with the share of each.

    Args:
        layer: ``(y, x)`` uint16 numbers, or what `thin` made of them; 65535 is nodata.
        colours: of each number, as ``#rrggbb``.
        names: of each number.
        title: of the figure.
        theme: colours of the page.
        longest: pixels along the longer side of the map.
        subtitle: what a cell shows.
    """
    raster = layer if isinstance(layer, Raster) else thin(layer, longest=longest, codes=True)
    known = [int(number) for number in np.unique(raster.values) if number != NO_HABITAT]
    place = np.searchsorted(known, raster.values) + 1 if known else np.zeros(raster.values.shape)
    place = np.where(raster.values == NO_HABITAT, 0, place)
    tints = [theme.nodata, *(colours.get(number, theme.reference) for number in known)]
    limits = BoundaryNorm(np.arange(len(tints) + 1) - 0.5, len(tints))
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, place, ScalarMappable(limits, ListedColormap(tints)), theme)
    entitle(axes, title, f"{subtitle} per {raster.frame.cell}", theme)
    counts = {number: int((raster.values == number).sum()) for number in known}
    _legend(axes, counts, colours, names, theme)
    return figure


def confidence_map(
    layer: xr.DataArray | Raster, *, title: str, theme: Theme = LIGHT, longest: int = LONGEST
) -> Figure:
    """Draw how sure the likeliest habitat is.

    Args:
        layer: ``(y, x)`` uint8 percent, or what `thin` made of them; 255 is nodata.
        title: of the figure.
        theme: colours of the page.
        longest: pixels along the longer side of the map.
    """
    raster = layer if isinstance(layer, Raster) else thin(layer, longest=longest, nodata=NO_PERCENT)
    scale = ScalarMappable(Normalize(0, 100), theme.ramp(AMOUNT))
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, raster.masked(), scale, theme)
    entitle(axes, title, f"percent per {raster.frame.cell}", theme)
    colour_bar(figure, [axes], scale, "percent", theme)
    return figure


def confusion_chart(
    matrix: NDArray[np.int64], codes: Sequence[str], *, title: str, theme: Theme = LIGHT
) -> Figure:
    """Draw a confusion matrix, each true class scaled to 1.

    Args:
        matrix: ``(true, predicted)`` counts of plots.
        codes: of the classes, in the matrix's order.
        title: of the figure.
        theme: colours of the page.
    """
    shown = int((matrix.any(axis=0) | matrix.any(axis=1)).sum())
    side = float(np.clip(0.24 * shown + 1.6, 3.6, 9.5))
    figure = Figure(figsize=(side + 1.0, side), layout="constrained", facecolor=theme.paper)
    axes = figure.subplots()
    scale = ScalarMappable(SHARE, theme.ramp(AMOUNT))
    paint_confusion(axes, matrix, codes, scale, theme)
    entitle(axes, title, "share of each true habitat's plots", theme)
    colour_bar(figure, [axes], scale, "share (0 to 1)", theme)
    return figure


def paint_confusion(
    axes: Axes,
    matrix: NDArray[np.int64],
    codes: Sequence[str],
    scale: ScalarMappable,
    theme: Theme,
    *,
    readable: int = READABLE,
) -> None:
    """Draw the classes of a confusion matrix that occur, each true class scaled to 1.

    Args:
        axes: to draw on.
        matrix: ``(true, predicted)`` counts of plots.
        codes: of the classes, in the matrix's order.
        scale: that of `SHARE`, 0 to 1.
        theme: colours of the page.
        readable: most classes whose codes are written.
    """
    shown = np.flatnonzero(matrix.any(axis=0) | matrix.any(axis=1))
    part = matrix[np.ix_(shown, shown)].astype(np.float64)
    true = part.sum(axis=1, keepdims=True)
    share = np.divide(part, true, where=true > 0, out=np.full_like(part, np.nan))
    axes.imshow(share, cmap=scale.get_cmap(), norm=SHARE, interpolation="nearest")
    dress(axes, theme)
    axes.set_xlabel("predicted", color=theme.quiet, fontsize=8.5)
    axes.set_ylabel("true", color=theme.quiet, fontsize=8.5)
    names = [codes[int(index)] for index in shown] if len(shown) <= readable else []
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)


def _legend(
    axes: Axes,
    counts: Mapping[int, int],
    colours: Mapping[int, str],
    names: Mapping[int, str],
    theme: Theme,
) -> None:
    total = max(sum(counts.values()), 1)
    order = sorted(counts, key=lambda number: -counts[number])
    handles = [
        Patch(
            facecolor=colours.get(number, theme.reference),
            edgecolor=theme.line,
            label=f"{_short(names.get(number, str(number)))}  {counts[number] / total:.1%}",
        )
        for number in order[:ENTRIES]
    ]
    rest = order[ENTRIES:]
    if rest:
        share = sum(counts[number] for number in rest) / total
        handles.append(Patch(facecolor="none", label=f"{len(rest)} more  {share:.1%}"))
    handles.append(Patch(facecolor=theme.nodata, edgecolor=theme.line, label="no habitat"))
    share_legend(axes, handles, theme)


def _short(name: str) -> str:
    text = drawable(name)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
