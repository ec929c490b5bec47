"""Which vegetation plots are taken, and how they are curated."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from biomap_xr.observations.settings import Range
from biomap_xr.settings import Settings
from biomap_xr.sources.formats import FileFormat
from biomap_xr.sources.vegetation.columns import (
    EUNIS_POINTS,
    CoverColumns,
    HeaderColumns,
    MatrixColumns,
)

FURTHER = ("year", "area_m2", "uncertainty_m", "country", "altitude_m", "ecoregion", "coast",
           "dunes", "dataset", "cover_scale")  # fmt: skip
"""Fields of a header that the plots keep as they are."""


class PlotTable(Settings):
    """What tables of plots of every layout have in common."""

    dataset: str | None = None
    """Name of the collection; fills the field ``dataset`` where the table has none."""
    prefix: str = ""
    """Written before the names of the plots, so that those of two tables differ."""
    not_plots: str | None = None
    """Regular expression found in the names of columns or rows that are no plots, such as
    ``_seeded$``."""
    written: FileFormat = FileFormat()

    @field_validator("not_plots")
    @classmethod
    def _check(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as e:
            raise ValueError(f"not_plots {pattern!r} is no regular expression: {e}") from e
        return pattern


class PlantBertTable(PlotTable):
    """Pl@ntBERT's two tables."""

    kind: Literal["plantbert"] = "plantbert"
    species: Path
    header: Path


class EvaTable(PlotTable):
    """An export of the European Vegetation Archive, or the tables of its expert system."""

    kind: Literal["eva"] = "eva"
    species: Path
    header: Path


class EventTable(PlotTable):
    """Darwin Core sampling events."""

    kind: Literal["darwin_core"] = "darwin_core"
    event: Path
    occurrence: Path
    measurement: Path | None = None


class LongTable(PlotTable):
    """Any long table of covers, with a header."""

    kind: Literal["long"] = "long"
    species: Path
    header: Path
    columns: CoverColumns
    header_columns: HeaderColumns


class WideTable(PlotTable):
    """Any matrix of species by plots, with a header."""

    kind: Literal["wide"] = "wide"
    species: Path
    header: Path
    columns: MatrixColumns = MatrixColumns()
    header_columns: HeaderColumns


class LabelTable(PlotTable):
    """Places with EUNIS codes and no species; by default surveys of GeoPlant with EVA's codes."""

    kind: Literal["labels"] = "labels"
    header: Path
    header_columns: HeaderColumns = EUNIS_POINTS


AnyPlotTable = Annotated[
    PlantBertTable | EvaTable | EventTable | LongTable | WideTable | LabelTable,
    Field(discriminator="kind"),
]


class PlotFilters(Settings):
    """Plots that are taken; a filter that is off is not applied and not reported."""

    cover: bool = False
    """Only plots where the cover of a species is known, in a scale of abundance."""
    presence_scales: tuple[str, ...] = ("Presence/Absence", "Presentie/Absentie")
    """Cover scales that say presence only, compared without case."""
    coordinates: bool = False
    """Only plots with coordinates."""
    area_m2: Range | None = None
    uncertainty_m: Range | None = None
    year: Range | None = None


PAPER_2 = PlotFilters(
    cover=True,
    coordinates=True,
    area_m2=Range(minimum=1, maximum=1000),
    uncertainty_m=Range(maximum=100),
    year=Range(minimum=1990, maximum=2021),
)
"""Filters of paper 2, "In-situ vegetation data": what is not stated is not excluded, but for
coordinates and covers."""


def _by_name(value: object) -> object:
    return PAPER_2 if value == "paper_2" else value


NamedFilters = Annotated[PlotFilters, BeforeValidator(_by_name)]
"""Filters, or the word ``paper_2`` for `PAPER_2`."""


class CurationSettings(Settings):
    """How plots are brought into the form that Pl@ntBERT learns from (paper 1, "Pl@ntBERT")."""

    names: Literal["species", "binomial", "as_written"] = "species"
    """All but ``as_written``: lower case, blanks for underscores, and only names of two words.
    ``species``: first, authors are dropped and subspecies are their species, as the service of
    names has it that paper 1's code asks; ``binomial``: such names are left out."""
    synonyms: Path | None = None
    """Table with the columns ``synonym`` and ``accepted``; for names in any case."""
    minimum_plots_of_species: int = Field(10, ge=0)
    """Species on fewer plots are left out."""
    maximum_lost: float = Field(0.25, ge=0, le=1)
    """Plots that lost a larger share of their species are left out; 1 keeps them all."""
    same_highest_cover: bool = True
    """Plots whose highest cover changed are left out."""
    minimum_plots_of_habitat: int = Field(10, ge=0)
    """Labels on fewer plots are taken away."""
    unknown_labels: Literal["unlabel", "drop", "error"] = "unlabel"
    """What a plot is whose labels are all no codes, such as ``~`` or ``Forest``: without label,
    left out, or an error."""
    empty: Literal["drop", "keep", "error"] = "drop"
    """What a plot without species is."""


class PlotSettings(Settings):
    """Vegetation plots of a recipe: tables in, curated plots out."""

    tables: tuple[AnyPlotTable, ...] = Field(min_length=1)
    filters: NamedFilters = PlotFilters()
    """None by default; ``paper_2`` for those of paper 2."""
    curation: CurationSettings = CurationSettings()
    headerless: Literal["error", "drop"] = "error"
    """What a plot with species is that the header does not have."""


class OverlapSettings(Settings):
    """When an external plot is one that models were trained on, and what becomes of it."""

    distance: float = Field(100.0, ge=0)
    """Metres within which two plots of the same habitats or the same species are one; as uncertain
    as paper 2 lets a plot's place be."""
    scores: Literal["leave_out", "flag"] = "leave_out"
    """``leave_out``: such plots are not scored. ``flag``: they are, and counted beside the scores.
    """
