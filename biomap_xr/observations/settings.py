"""Which observations are taken, which are left out, and what they become."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from biomap_xr.settings import Settings

Policy = Literal["keep", "drop"]


class Range(Settings):
    """Numbers from ``minimum`` to ``maximum``, both included, and the policy for unknown ones."""

    minimum: float | None = None
    maximum: float | None = None
    unknown: Policy = "keep"
    """Rows whose value is empty or infinite (GeoPlant writes ``-inf`` for unknown plot areas)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.minimum, self.maximum
        if low is None and high is None and self.unknown == "keep":
            raise ValueError(
                "a range without minimum and maximum that keeps the unknown filters nothing; give "
                "one of the three"
            )
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"minimum {low:g} exceeds maximum {high:g}; expected at most the maximum"
            )
        return self


class Choice(Settings):
    """Values that pass, compared as text without case, and what becomes of an unknown one."""

    allowed: tuple[str, ...] = Field(min_length=1)
    unknown: Policy = "keep"
    """Rows whose value is empty."""


class Bounds(Settings):
    """A rectangle of longitude and latitude in degrees (WGS 84), edges included."""

    west: float = Field(ge=-180, le=180)
    south: float = Field(ge=-90, le=90)
    east: float = Field(ge=-180, le=180)
    north: float = Field(ge=-90, le=90)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.west >= self.east or self.south >= self.north:
            raise ValueError(
                f"bounds {self.model_dump()} are empty; expected west < east and south < north"
            )
        return self


class Filters(Settings):
    """Rows of one table that are taken; each filter has the name of the column that it reads."""

    uncertainty_m: Range | None = None
    """Uncertainty of the coordinates in metres."""
    year: Range | None = None
    day: Range | None = None
    """Day of the year, 1 to 366; 0 is unknown."""
    area_m2: Range | None = None
    """Area of the plot in square metres."""
    taxon_rank: Choice | None = None
    subset: Choice | None = None
    """Published splits, such as ``train``."""
    region: Choice | None = None
    country: Choice | None = None
    bounds: Bounds | None = None


class Table(Settings):
    """One file of observations."""

    path: Path
    kind: Literal["survey", "record"]
    """``survey``: every species of a plot was written down (presence-absence); ``record``: somebody
    saw a species (presence-only)."""
    format: Literal["auto", "geoplant", "darwin_core"] = "auto"
    species_list: str | None = None
    """Name of the list that the table's species ids belong to, such as ``geoplant``. Ids of two
    tables mean the same species only where both name the same list."""
    filters: Filters = Filters()


class SpeciesFile(Settings):
    """A CSV of the species that may occur, with any traits as further columns."""

    path: Path
    species_list: str | None = None
    """Name of the list that its ids belong to."""
    id_column: str = "species_id"
    name_column: str = "species"
    unknown: Literal["error", "drop"] = "error"
    """What a species of the observations is that the file does not have."""


class TargetGroup(Settings):
    """Species that are sought alike: the records of one tell where the others were looked for."""

    name: str
    trait: str | None = None
    """Column of the species file, such as ``family``."""
    values: tuple[str, ...] = ()
    """The trait's values that make the group."""
    species: tuple[str, ...] = ()
    """Or the group's species, by name or id."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.trait is None) == (not self.species) or (self.trait is None) != (not self.values):
            raise ValueError(
                f"target group {self.name!r} has trait {self.trait!r}, {len(self.values)} values "
                f"and {len(self.species)} species; expected a trait with its values, or a list of "
                "species"
            )
        return self


class BackgroundSettings(Settings):
    """Where a species counts as absent though nobody said so."""

    target_group: Literal["all"] | TargetGroup = "all"
    """Only cells with a record of this group are pseudo-absences (paper 1, section 3,
    "Dataset")."""
    random_cells: int = Field(0, ge=0)
    """Further cells on land, drawn at random, without a presence of any species."""
    seed: int = Field(0, ge=0)


class ObservationSettings(Settings):
    """Observations of a recipe: tables in, cells x species out."""

    tables: tuple[Table, ...] = Field(min_length=1)
    species: SpeciesFile | None = None
    identity: Literal["id", "name", "list"] = "id"
    """What makes two rows the same species: the id (within one named list), the name (compared
    without case), or the id together with the name of its list. By ``list``, ids of several lists
    are never merged, and a species that two lists have is two species, each a pseudo-absence where
    only the other was seen: for trying things out, not for maps."""
    minimum_surveys: int = Field(0, ge=0)
    """Species found in fewer surveys are not modelled."""
    minimum_cells: int = Field(1, ge=0)
    """Species present in fewer sites are not modelled; 0 keeps every species of the species
    file."""
    aggregate: Literal["cell", "survey"] = "cell"
    """``cell``: one site per cell (paper 1); ``survey``: each survey is a site, records are one per
    cell."""
    disagreeing_surveys: Literal["error", "keep"] = "error"
    """What one survey id at several places or dates is."""
    background: BackgroundSettings = BackgroundSettings()
