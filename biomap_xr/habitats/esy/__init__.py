"""The EUNIS-ESy expert system: habitats of vegetation plots by rules that experts wrote."""

from biomap_xr.habitats.esy.system import Classification, Conventions, ExpertSystem

__all__ = ["Classification", "Conventions", "ExpertSystem"]
