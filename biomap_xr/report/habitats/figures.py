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
from biomap_xr.report.palette import LIGHT, Theme
from biomap_xr.report.thinning import Raster, thin

ENTRIES = 18
"""Most entries of a map's legend; the rest is summed up in one line."""
LONGEST_NAME = 44
READABLE = 40
"""Most classes whose codes are written beside a confusion matrix."""


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
    raster = layer if isinstance(layer, Raster) else _percent(layer, longest)
    scale = ScalarMappable(Normalize(0, 100), theme.ramp("meadow"))
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, raster.masked(), scale, theme)
    entitle(axes, title, f"percent per {raster.frame.cell}", theme)
    colour_bar(figure, [axes], scale, "percent", theme)
    return figure


def _percent(layer: xr.DataArray, longest: int) -> Raster:
    return thin(layer, longest=longest, nodata=NO_PERCENT)


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
    true = matrix.sum(axis=1)
    shown = np.flatnonzero((true > 0) | (matrix.sum(axis=0) > 0))
    part = matrix[np.ix_(shown, shown)].astype(np.float64)
    share = np.divide(
        part,
        part.sum(axis=1, keepdims=True),
        where=part.sum(axis=1)[:, None] > 0,
        out=np.full_like(part, np.nan),
    )
    side = float(np.clip(0.24 * len(shown) + 1.6, 3.6, 9.5))
    figure = Figure(figsize=(side + 1.0, side), layout="constrained", facecolor=theme.paper)
    axes = figure.subplots()
    limits = Normalize(0, 1)
    scale = ScalarMappable(limits, theme.ramp("leaf"))
    axes.imshow(share, cmap=scale.get_cmap(), norm=limits, interpolation="nearest")
    dress(axes, theme)
    _label(axes, [codes[int(index)] for index in shown], theme)
    entitle(axes, title, "share of each true habitat's plots", theme)
    colour_bar(figure, [axes], scale, "share (0 to 1)", theme)
    return figure


def _label(axes: Axes, codes: Sequence[str], theme: Theme) -> None:
    axes.set_xlabel("predicted", color=theme.quiet, fontsize=8.5)
    axes.set_ylabel("true", color=theme.quiet, fontsize=8.5)
    if len(codes) > READABLE:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.set_xticks(range(len(codes)), codes, rotation=90, fontsize=7)
    axes.set_yticks(range(len(codes)), codes, fontsize=7)


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
