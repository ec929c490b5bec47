"""Pictures of several panels: how much an ensemble's voters differ, one confusion a formation."""

from collections.abc import Mapping, Sequence
from math import ceil
from textwrap import fill

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from biomap_xr.report.drawing import canvases, colour_bar, entitle, paint, round_up
from biomap_xr.report.habitats.figures import SHARE, paint_confusion
from biomap_xr.report.lettering import drawable
from biomap_xr.report.palette import AMOUNT, CONCERN, LIGHT, Theme
from biomap_xr.report.thinning import Raster

COLUMNS = 4
"""Panels beside each other."""
READABLE = 14
"""Most classes whose codes are written beside a small confusion matrix."""
WIDTH = 26
"""Letters in a line above a small panel."""
COMMITTEE = "committee"
SPREADS = {"model_spread": "between learners", "sampling_spread": "between folds"}


def uncertainty_maps(rasters: Mapping[str, Raster], *, title: str, theme: Theme = LIGHT) -> Figure:
    """Draw how many voters agree, and how far learners and folds lie apart.

    Args:
        rasters: ``committee``, ``model_spread`` and ``sampling_spread`` ``(rows, columns)`` in
            percent.
        title: of the figure.
        theme: colours of the page.
    """
    committee, spreads = rasters[COMMITTEE], [rasters[name] for name in SPREADS]
    agreeing = ScalarMappable(Normalize(0, 100), theme.ramp(AMOUNT))
    # One scale for both: a reader asks which of them is larger.
    highest = round_up(np.stack([each.masked() for each in spreads]))
    apart = ScalarMappable(Normalize(0, highest), theme.ramp(CONCERN))
    frame = committee.frame
    figure, axes = canvases(theme, frame, 1 + len(spreads))
    paint(axes[0], frame, committee.masked(), agreeing, theme)
    entitle(axes[0], title, "voters that agree with the ensemble", theme)
    for axis, raster, words in zip(axes[1:], spreads, SPREADS.values(), strict=True):
        paint(axis, frame, raster.masked(), apart, theme)
        entitle(axis, "", f"deviation {words}", theme)
        axis.set_ylabel("")
        axis.tick_params(labelleft=False)
    colour_bar(figure, axes[:1], agreeing, "percent of voters", theme)
    colour_bar(figure, axes[1:], apart, "percentage points", theme)
    return figure


def confusion_panels(
    matrices: Mapping[str, tuple[NDArray[np.int64], Sequence[str]]], *, theme: Theme = LIGHT
) -> Figure:
    """Draw small confusion matrices under their titles, each true class scaled to 1.

    Args:
        matrices: ``(true, predicted)`` counts of plots and the codes of the classes, by title.
        theme: colours of the page.
    """
    columns = min(COLUMNS, max(len(matrices), 1))
    rows = ceil(len(matrices) / columns) or 1
    size = (2.5 * columns + 0.9, 2.9 * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.paper)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    scale = ScalarMappable(SHARE, theme.ramp(AMOUNT))
    for axes, (title, (matrix, codes)) in zip(panels, matrices.items(), strict=False):
        paint_confusion(axes, matrix, codes, scale, theme, readable=READABLE)
        # In two lines: a long one would run into its neighbour's.
        words = fill(drawable(title), WIDTH)
        axes.set_title(words, loc="left", color=theme.ink, fontsize=9, fontweight="bold")
    for axes in panels[len(matrices) :]:
        axes.set_visible(False)
    colour_bar(figure, panels, scale, "share of each true habitat's plots", theme)
    return figure
