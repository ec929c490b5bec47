"""What a recipe says about the rules: tables, thresholds, and what to do where they do not fit."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from biomap_xr.settings import Settings

COASTAL = ("MA2", "N")
"""Formations that coasts, not ecoregions, decide on."""
INLAND_DEPTH = 5_000.0
"""Metres from the shore that coastal habitats reach."""
COASTS = {
    "ARC_COAST": 1,
    "ATL_COAST": 2,
    "BAL_COAST": 3,
    "BLA_COAST": 4,
    "MED_COAST": 5,
    "MAC_COAST": 6,
    "NAF_COAST": 7,
}
"""Code on the map of each coast, as published but for North Africa's: 0 means inland here."""
COVER_COLUMN = "corine"
DIRECT = (
    "Q3", "T1K", "T3N", "T41", "T43", "U12", "U4", "U55",
    "V21", "V22", "V31", "V54", "V61", "V62", "V63",
)  # fmt: skip
"""Classes of paper 2's crosswalk that no model of it predicts: palsa mires, plantations, felled and
burnt land, mines, snow and ice, gardens, lawns, vineyards, orchards and rows of trees."""


class RegionSettings(Settings):
    """Step 2: which class may be in which ecoregion or on which coast."""

    ecoregion_table: Path | None = None
    """Counts of plots by class and ecoregion; None: counted from the plots of the recipe."""
    ecoregion_codes: Path | None = None
    """Table or layer of polygons with the name and the map's code of each ecoregion; needed with a
    table of counts, which has names. An ecoregion that it has and the counts lack has no plots."""
    name_column: str = "ECO_NAME"
    """Column of ``ecoregion_codes`` with names as in the table of counts."""
    code_column: str = "ECO_ID"
    """Column of ``ecoregion_codes`` with codes as on the map."""
    coast_tables: dict[str, Path] = Field(default_factory=dict)
    """Classes of each coast by formation; a coastal formation without one is counted in plots."""
    coast_codes: dict[str, int] | Path = Field(default_factory=lambda: dict(COASTS))
    """Code on the map of each coast, here or in a file."""
    coastal: tuple[str, ...] = COASTAL
    """Formations that coasts decide on, not ecoregions."""
    coast_depth: float = Field(INLAND_DEPTH, gt=0)
    """Metres that a coast reaches inland."""
    minimum_plots: int = Field(1, ge=1)
    """Plots that a region needs of a class; paper 2 has 1."""
    snapping_distance: float = Field(10_000.0, ge=0)
    """Metres within which a plot or cell outside of all regions joins the nearest one."""
    ecoregion_missing: tuple[int, ...] = (65_535,)
    """Codes of the layer of ecoregions that mean none."""
    coast_missing: tuple[int, ...] = (0, 255)
    """Codes of the layer of coasts that mean inland or none."""
    unknown: Literal["error", "nowhere"] = "error"
    """What to do with a region on the map that neither the counts nor ``ecoregion_codes`` have:
    stop, or allow no class there, as in regions that have no plots."""
    without_row: Literal["error", "nowhere"] = "error"
    """What to do with a model's class that the table of regions lacks."""

    @model_validator(mode="after")
    def _names_have_codes(self) -> Self:
        if self.ecoregion_table and not self.ecoregion_codes:
            raise ValueError(
                f"ecoregion_table {self.ecoregion_table} names ecoregions; give ecoregion_codes, "
                "the table or layer with the code of each name on the map"
            )
        return self


class CrosswalkSettings(Settings):
    """Steps 3 and 4: which class land cover allows, and which formation comes first on it."""

    table: Path
    """Documented crosswalk, CSV or spreadsheet: land cover, ``Priority_order``, classes."""
    cover_column: str = COVER_COLUMN
    """Column of the table with the code of land cover on the map."""
    mask: Path | None = None
    """Table of 0 and 1 (land cover x class) that says instead what is allowed; paper 2's own
    differs from its documented crosswalk in 12 lines of 45."""
    missing: tuple[int, ...] = (48, 255)
    """Codes of the layer of land cover that mean none (CORINE's raster has 48)."""
    without_model: Literal["error", "ignore", "map"] = "map"
    """A class of the crosswalk that no model predicts: stop, leave it out, or let land cover alone
    map it in step 4, where it is named in ``direct``."""
    without_column: Literal["error", "ignore", "map"] = "error"
    """A model's class that the crosswalk lacks: stop, allow it nowhere, or allow it wherever
    classes of its level-2 class are."""
    direct: tuple[str, ...] = DIRECT
    """Classes without a model that land cover alone may map."""


class RulesSettings(Settings):
    """All rules of paper 2's workflow behind the models."""

    regions: RegionSettings = RegionSettings()
    crosswalk: CrosswalkSettings | None = None
    """Without one, maps stop at the regional filter."""
    legend: Path | None = None
    """Codes, names and colours of the map; built by rule without one."""
