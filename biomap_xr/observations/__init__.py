"""What was seen where: records and surveys as sites, vegetation plots with covers and habitats."""

from biomap_xr.observations.background import Land, land_of
from biomap_xr.observations.plot_reading import observe_plots
from biomap_xr.observations.plot_settings import PlotSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.reading import observe
from biomap_xr.observations.report import Report
from biomap_xr.observations.settings import ObservationSettings
from biomap_xr.observations.sites import Sites, build_sites

__all__ = [
    "Land",
    "ObservationSettings",
    "PlotSettings",
    "Plots",
    "Report",
    "Sites",
    "build_sites",
    "land_of",
    "observe",
    "observe_plots",
]
