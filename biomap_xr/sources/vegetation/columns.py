"""Which columns of a user's tables hold what: settings, and the layouts that are known."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from biomap_xr.settings import Settings


def _several(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
"""A column's name without regard to case, or several, of which the first that is there counts."""


class CoverColumns(Settings):
    """A long table: one row for each plot and species."""

    plot: Names
    species: Names
    cover: Names = ()
    """Percent of the ground; none: the table says presence only, and all covers are 1."""


class MatrixColumns(Settings):
    """A wide table: species by plots; an empty cell or 0 is a species that is not there."""

    rows: Literal["species", "plots"] = "species"
    """What a row is; the columns are the other."""
    name: Names = ("name",)
    """Column with the name of each row."""
    ignored: tuple[str, ...] = ()
    """Columns that are neither."""


class HeaderColumns(Settings):
    """A table of the plots themselves, one row each."""

    plot: Names
    longitude: Names = ()
    """Degrees, or the easting of a projection."""
    latitude: Names = ()
    """Degrees, or the northing of a projection."""
    crs: str = "EPSG:4326"
    """Of both coordinates, x before y whatever the CRS says."""
    coordinate_scale: float = Field(1.0, gt=0)
    """What coordinates are multiplied by first; 1e-5 where degrees lost their decimal point."""
    label: Names = ()
    """EUNIS codes, several with a comma between them."""
    site: Names = ()
    """Place that plots of several years share."""
    year: Names = ()
    """A year, or a date that has one."""
    area_m2: Names = ()
    uncertainty_m: Names = ()
    country: Names = ()
    altitude_m: Names = ()
    ecoregion: Names = ()
    coast: Names = ()
    dunes: Names = ()
    dataset: Names = ()
    cover_scale: Names = ()
    """Scale in which covers were estimated."""
    constants: dict[str, float | str] = Field({})
    """Fields that are one for all plots, such as ``country: Germany``."""
    missing: Literal["error", "empty"] = "error"
    """What a named column is that the table does not have."""
    repeated: Literal["error", "merge"] = "error"
    """What a second row of a plot is; ``merge`` joins the labels of rows that agree otherwise."""

    def named(self) -> dict[str, Sequence[str]]:
        """Return the possible names of each field that has any.

        >>> HeaderColumns(plot="id", label=("esy", "EUNIS")).named()
        {'plot': ('id',), 'label': ('esy', 'EUNIS')}
        """
        fields = ((field, getattr(self, field)) for field in FIELDS)
        return {field: names for field, names in fields if names}


TEXT = (
    "plot", "label", "site", "year", "country", "ecoregion", "coast", "dunes", "dataset",
    "cover_scale",
)  # fmt: skip
"""Fields that are text in a table; a year is looked for in them."""
NUMBERS = ("longitude", "latitude", "area_m2", "uncertainty_m", "altitude_m")
FIELDS = (
    "plot", "longitude", "latitude", "label", "site", "year", "area_m2", "uncertainty_m",
    "country", "altitude_m", "ecoregion", "coast", "dunes", "dataset", "cover_scale",
)  # fmt: skip
"""Columns of every header that a reader returns, in this order."""

# Both tables below may have more columns than they must, under the archive's names or ours.
FURTHER: dict[str, Names] = {
    "longitude": ("Longitude", "DEG_LON"),
    "latitude": ("Latitude", "DEG_LAT"),
    "site": ("Site",),
    "year": ("Date of recording", "Date", "Year"),
    "area_m2": ("Relevé area (m²)", "Relevé area (m2)", "Releve area (m2)", "Area (m2)", "Area_m2"),
    "uncertainty_m": ("Location uncertainty (m)", "Location_uncertainty", "Uncertainty_m"),
    "country": ("Country",),
    "altitude_m": ("Altitude (m)", "Altitude", "Altitude_m"),
    "ecoregion": ("Ecoreg", "Ecoregion"),
    "coast": ("Coast_EEA", "Coast"),
    "dunes": ("Dunes_Bohn", "Dunes"),
    "dataset": ("Dataset",),
    "cover_scale": ("Cover abundance scale", "Cover_scale"),
}

PLANTBERT_COVERS = CoverColumns(plot=("PlotObservationID",), species=("Species",), cover=("Cover",))
PLANTBERT_HEADER = HeaderColumns(
    plot=("PlotObservationID",), label=("Habitat",), missing="empty", **FURTHER
)
"""Pl@ntBERT's ``species.csv`` and ``header.csv``; it needs no more than Habitat, Longitude and
Latitude."""

EVA_COVERS = CoverColumns(
    plot=("PlotObservationID", "RELEVE_NR"),
    species=("Matched concept", "TaxonName", "Species"),
    cover=("Cover %", "Cover_Perc", "Cover"),
)
EVA_HEADER = HeaderColumns(
    plot=("PlotObservationID", "RELEVE_NR"),
    label=("Expert System", "Expert.System"),
    missing="empty",
    **FURTHER,
)
"""Exports of the European Vegetation Archive, and the tables that its expert system reads."""

EUNIS_POINTS = HeaderColumns(
    plot="surveyId",
    longitude="lon",
    latitude="lat",
    label="habitatId",
    missing="empty",
    repeated="merge",
)
"""Surveys with EUNIS codes: a row for each code of a survey, and some rows twice."""
