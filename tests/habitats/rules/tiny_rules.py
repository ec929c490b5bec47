"""A crosswalk of nine lines and five models."""

from biomap_xr.habitats.rules.crosswalk import Line

MODELS = {
    "N": ("N11", "N1D"),
    "R": ("R11", "R22"),
    "S": ("S42",),
    "T": ("T11", "T17", "T31"),
    "U": ("U22", "U42"),
}
LINES = (
    Line(1, ("URBAN",), ()),
    Line(23, ("N", "T"), ("N1D", "T1")),
    Line(26, ("R", "S"), ("R", "S4", "T31")),
    Line(34, ("U",), ("U4",)),
    Line(41, ("LAKES_RESERVOIRS",), ()),
    Line(44, ("SEA_OCEAN",), ()),
    Line(45, (), ()),
    Line(15, (), ("V54",)),
    Line(31, ("U", "R"), ("U2", "U12", "R11")),
)
