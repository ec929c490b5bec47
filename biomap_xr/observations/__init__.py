"""Records and surveys of species as sites: what was seen where, and where it was not."""

from biomap_xr.observations.background import Land, land_of
from biomap_xr.observations.reading import observe
from biomap_xr.observations.report import Report
from biomap_xr.observations.settings import ObservationSettings
from biomap_xr.observations.sites import Sites, build_sites

__all__ = ["Land", "ObservationSettings", "Report", "Sites", "build_sites", "land_of", "observe"]
