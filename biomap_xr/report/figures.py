"""Maps for a report: a species, an indicator with its interval, the most threatened status.

Every function takes an opened cube and a theme and returns a Matplotlib figure.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from biomap_xr.cubes import PARTS
from biomap_xr.errors import InputError
from biomap_xr.indicators.declared import INDICATORS, NO_SPECIES, NOT_VALID, STATUS_CODES
from biomap_xr.report.drawing import canvases, colour_bar, entitle, paint, scale_of
from biomap_xr.report.palette import AMOUNT, CONCERN, LIGHT, Theme
from biomap_xr.report.thinning import thin

LONGEST = 1000
STATUS_COLOURS = {
    "unknown": "#b9bdb6",
    "LC": "#60c659",
    "NT": "#cce226",
    "VU": "#f9e814",
    "EN": "#fc7f3f",
    "CR": "#d81e05",
}
"""The colours of the IUCN Red List."""
STATUS_WORDS = {
    "unknown": "status unknown",
    "LC": "least concern (LC)",
    "NT": "near threatened (NT)",
    "VU": "vulnerable (VU)",
    "EN": "endangered (EN)",
    "CR": "critically endangered (CR)",
}
RAMPS = {"threatened": CONCERN, "invasive": CONCERN}
"""Colour maps of indicators that are a cause for concern; the others have that of numbers."""


def species_map(
    cube: xr.Dataset, name: str, *, theme: Theme = LIGHT, longest: int = LONGEST
) -> Figure:
    """Draw the probability of presence of one species.

    Args:
        cube: as `species.zarr` is opened: ``probability`` ``(species, y, x)``, ``valid``
            ``(y, x)``; the threshold of presence that its attributes name is marked.
        name: of the species.
        theme: colours of the page.
        longest: pixels along the longer side of the map.

    Raises:
        InputError: where the cube has no such species.
    """
    index = _place(cube, "species", name)
    raster = thin(cube["probability"].isel(species=index), cube["valid"], longest=longest)
    probability = raster.masked() / PARTS
    scale = scale_of(probability, AMOUNT, theme)
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, probability, scale, theme)
    bar = colour_bar(figure, [axes], scale, "probability (0 to 1)", theme)
    subtitle = f"probability of presence per {raster.frame.cell}"
    threshold = _presence(cube, index)
    if threshold is not None:
        subtitle += f"; counts as present from {threshold:.2f} on"
        if threshold <= bar.get_ylim()[1]:
            subtitle += " (line on the scale)"
            bar.axhline(threshold, color=theme.ink, linewidth=1.8)
    entitle(axes, name, subtitle, theme)
    return figure


def indicator_map(
    cube: xr.Dataset, name: str, *, theme: Theme = LIGHT, longest: int = LONGEST
) -> Figure:
    """Draw the expected value of one indicator.

    Args:
        cube: as `indicators.zarr` is opened: ``expected`` ``(indicator, y, x)``, NaN = none.
        name: of the indicator.
        theme: colours of the page.
        longest: pixels along the longer side of the map.

    Raises:
        InputError: where the cube has no such indicator.
    """
    raster = thin(_layer(cube, "expected", name), longest=longest)
    values = raster.masked()
    scale = scale_of(values, RAMPS.get(name, AMOUNT), theme)
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, values, scale, theme)
    entitle(axes, _title(name), f"expected number per {raster.frame.cell}", theme)
    colour_bar(figure, [axes], scale, "expected number of species", theme)
    return figure


def interval_maps(
    cube: xr.Dataset, name: str, *, theme: Theme = LIGHT, longest: int = LONGEST
) -> Figure:
    """Draw one indicator three times on one scale: lower end, expected value, upper end.

    Args:
        cube: as `indicators.zarr` is opened: ``low``, ``expected``, ``high`` ``(indicator, y, x)``.
        name: of the indicator.
        theme: colours of the page.
        longest: pixels along the longer side of each map.

    Raises:
        InputError: where the cube has no such indicator.
    """
    panels = {"low": "lower end", "expected": "expected", "high": "upper end"}
    rasters = [thin(_layer(cube, variable, name), longest=longest) for variable in panels]
    frame = rasters[0].frame
    # The upper end is the largest of the three, and one scale lets them be compared.
    scale = scale_of(rasters[-1].masked(), RAMPS.get(name, AMOUNT), theme)
    figure, axes = canvases(theme, frame, len(panels))
    for axis, raster, words in zip(axes, rasters, panels.values(), strict=True):
        paint(axis, frame, raster.masked(), scale, theme)
        entitle(axis, f"{_title(name)}: {words}", f"number per {frame.cell}", theme)
    for axis in axes[1:]:
        axis.set_ylabel("")
        axis.tick_params(labelleft=False)
    colour_bar(figure, axes, scale, "number of species", theme)
    return figure


def status_map(cube: xr.Dataset, *, theme: Theme = LIGHT, longest: int = LONGEST) -> Figure:
    """Draw the status of the most threatened species of every cell, with shares of the area.

    Args:
        cube: as `indicators.zarr` is opened: ``most_threatened`` ``(y, x)`` uint8 codes.
        theme: colours of the page.
        longest: pixels along the longer side of the map.
    """
    raster = thin(cube["most_threatened"], longest=longest, codes=True)
    codes = raster.values
    colours = [theme.nodata, theme.empty, *STATUS_COLOURS.values()]
    # One colour a code, 0 to 7: nodata, no species, then the statuses from unknown to CR.
    limits = BoundaryNorm(np.arange(len(colours) + 1) - 0.5, len(colours))
    figure, (axes,) = canvases(theme, raster.frame)
    paint(axes, raster.frame, codes, ScalarMappable(limits, ListedColormap(colours)), theme)
    subtitle = f"Red List status of the most threatened species, per {raster.frame.cell}"
    entitle(axes, "Most threatened species", subtitle, theme)
    _legend(axes, codes[codes != NOT_VALID], theme)
    return figure


def _presence(cube: xr.Dataset, index: int) -> float | None:
    """Return the threshold behind the map's statistics; None where the cube does not hold it."""
    # Cubes of former versions do not name it; it was the species' own.
    kind = cube.attrs.get("presence", "f_score")
    if kind == "f_score_global":
        return float(cube.attrs["threshold_f_global"])
    name = {"f_score": "threshold_f", "conformal": "threshold_conformal"}[kind]
    return float(cube[name].to_numpy()[index]) if name in cube.coords else None


def _place(cube: xr.Dataset, dim: str, name: str) -> int:
    names = [str(known) for known in cube[dim].to_numpy()]
    if name not in names:
        raise InputError(
            f"{dim} {name!r} is not among the {len(names)} of the cube, such as {names[:6]}; "
            f"correct `evaluation.{dim}` in the recipe"
        )
    return names.index(name)


def _layer(cube: xr.Dataset, variable: str, indicator: str) -> xr.DataArray:
    return cube[variable].isel(indicator=_place(cube, "indicator", indicator))


def _title(indicator: str) -> str:
    declared = INDICATORS.get(indicator)
    words = declared.long_name if declared else indicator
    return words[:1].upper() + words[1:]


def _legend(axes: Axes, codes: NDArray[np.integer], theme: Theme) -> None:
    counts = np.bincount(codes, minlength=max(STATUS_CODES.values()) + 1)
    entries = [
        (STATUS_COLOURS[name], STATUS_WORDS[name], int(counts[code]))
        for name, code in sorted(STATUS_CODES.items(), key=lambda item: -item[1])
    ]
    entries.append((theme.empty, "no species", int(counts[NO_SPECIES])))
    handles = [
        Patch(facecolor=colour, edgecolor=theme.line, label=f"{words}  {count / codes.size:.0%}")
        for colour, words, count in entries
        if count
    ]
    # Without its share: how much sea a tile holds says nothing about its plants.
    handles.append(Patch(facecolor=theme.nodata, edgecolor=theme.line, label="sea, no prediction"))
    share_legend(axes, handles, theme)


def share_legend(axes: Axes, handles: Sequence[Patch], theme: Theme) -> None:
    """Put a legend of classes and their shares to the right of a map."""
    legend = axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        frameon=False,
        labelcolor=theme.ink,
        fontsize=8,
        title="share of the mapped cells",
        alignment="left",
    )
    legend.get_title().set(color=theme.quiet, fontsize=8.5)
