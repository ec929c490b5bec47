"""Vegetation plots that are taken: one filter after the other, each counted."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from biomap_xr.observations.plot_report import PlotStep, step_of
from biomap_xr.observations.plot_settings import PlotFilters
from biomap_xr.observations.plots import Plots


def filter_plots(plots: Plots, filters: PlotFilters) -> tuple[Plots, tuple[PlotStep, ...]]:
    """Take the plots that pass every filter (paper 2, "In-situ vegetation data").

    Returns:
        The plots taken, in their order, and a step for each filter that is on.
    """
    steps = []
    for name, passing in PASSING.items():
        limit = getattr(filters, name)
        # A step that nobody asked for is noise.
        if limit is None or limit is False:
            continue
        passes = passing(plots, filters)
        taken = plots.select(passes)
        steps.append(step_of(name, plots, taken, _values(plots, name)[~passes]))
        plots = taken
    return plots, tuple(steps)


def _has_covers(plots: Plots, filters: PlotFilters) -> NDArray[np.bool_]:
    scale = plots.header["cover_scale"].astype("str").str.strip().str.casefold()
    presence = scale.isin([name.casefold() for name in filters.presence_scales]).to_numpy(bool)
    return (np.diff(plots.cover.indptr) > 0) & ~presence


def _has_coordinates(plots: Plots, _: PlotFilters) -> NDArray[np.bool_]:
    return np.isfinite(plots.longitude) & np.isfinite(plots.latitude)


def _in_range(name: str) -> Callable[[Plots, PlotFilters], NDArray[np.bool_]]:
    def passing(plots: Plots, filters: PlotFilters) -> NDArray[np.bool_]:
        limit = getattr(filters, name)
        values = plots.header[name].to_numpy(np.float64, na_value=np.nan)
        known = np.isfinite(values)
        low = -np.inf if limit.minimum is None else limit.minimum
        high = np.inf if limit.maximum is None else limit.maximum
        return np.where(known, (values >= low) & (values <= high), limit.unknown == "keep")

    return passing


PASSING: dict[str, Callable[[Plots, PlotFilters], NDArray[np.bool_]]] = {
    "cover": _has_covers,
    "coordinates": _has_coordinates,
    **{name: _in_range(name) for name in ("area_m2", "uncertainty_m", "year")},
}
"""Which plots ``(plot,)`` pass, by the name of the filter, in the order of their use."""


def _values(plots: Plots, name: str) -> NDArray[np.object_]:
    """Return what to show of each plot ``(plot,)`` that a filter leaves out."""
    if name in ("cover", "coordinates"):
        return plots.plot_id
    values = plots.header[name].to_numpy(np.float64, na_value=np.nan)
    return np.array(["unknown" if np.isnan(value) else f"{value:g}" for value in values], object)
