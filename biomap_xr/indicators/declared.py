"""The indicators of paper 1, section 3, in the order of the cube, and the statuses."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Indicator:
    """A number of species of one kind."""

    name: str
    """As the cube names it."""
    trait: str | None
    """Column of the trait table that makes a species a member; None: every species is one."""
    long_name: str
    """As a person reads it."""
    definition: str
    """As paper 1, section 3 defines it."""


INDICATORS: dict[str, Indicator] = {
    indicator.name: indicator
    for indicator in (
        Indicator("richness", None, "species richness", "number of species"),
        Indicator(
            "eu_directive",
            "eu_directive",
            "species of the EU Habitats Directive",
            "number of species from the list provided by the EU Habitats Directive",
        ),
        Indicator(
            "threatened", "threatened", "threatened species", "number of IUCN Red List species"
        ),
        Indicator("trees", "woody", "tree species", "number of species of the life form woody"),
        Indicator(
            "invasive",
            "invasive",
            "invasive species",
            "number of species from a list of invasive species",
        ),
        Indicator(
            "specialist",
            "specialist",
            "specialist species",
            "number of species estimated to be present with a very low probability of presence "
            "elsewhere",
        ),
    )
}
"""The six indicators that are counts; the seventh, most threatened, is a status and has no mean."""

NOT_VALID = 0
"""Status code, and fill value, of a cell without a prediction."""

NO_SPECIES = 1
"""Status code of a cell whose assemblage has no species that counts."""

STATUS_CODES: dict[str, int] = {"unknown": 2, "LC": 3, "NT": 4, "VU": 5, "EN": 6, "CR": 7}
"""Codes of the IUCN statuses; a higher code is a greater threat, so a maximum finds the most
threatened."""

STATUSES: tuple[str, ...] = ("LC", "NT", "VU", "EN", "CR", "unknown")
"""The statuses in the order of the cube's status dimension."""

_LONG_NAMES: dict[str, str] = {
    "expected": "expected number of species present",
    "variance": "variance of the number of species present",
    "low": "lower end of the 2-sigma interval of the number of species present",
    "high": "upper end of the 2-sigma interval of the number of species present",
    "any": "chance that at least one species is present",
    "count": "number of species in the thresholded assemblage",
    "most_threatened": "IUCN status of the most threatened species in the thresholded assemblage",
    "status_any": "chance that at least one species of the status is present",
}

_EQUATIONS: dict[str, str] = {
    "expected": "paper 1, equation 1",
    "variance": "paper 1, equation 2",
    "low": "paper 1, equation 3, clipped to 0",
    "high": "paper 1, equation 3, clipped to the number of member species",
    "any": "paper 1, equation 5",
    "status_any": "paper 1, equation 5",
}


def attributes(variable: str) -> dict[str, Any]:
    """CF attributes of a variable of the indicators cube.

    Args:
        variable: its name, such as `expected`.

    >>> attributes("any")["long_name"]
    'chance that at least one species is present'
    """
    described: dict[str, Any] = {"long_name": _LONG_NAMES[variable], "units": "1"}
    if variable in _EQUATIONS:
        described["references"] = _EQUATIONS[variable]
    if variable == "expected":
        described["ancillary_variables"] = "variance low high"
    if variable == "most_threatened":
        described["flag_values"] = [NOT_VALID, NO_SPECIES, *STATUS_CODES.values()]
        described["flag_meanings"] = " ".join(["not_valid", "no_species", *STATUS_CODES])
    return described
