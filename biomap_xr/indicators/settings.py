"""What a recipe says about indicators: lists, statuses, assemblage and specialists."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from biomap_xr.settings import Settings

Status = Literal["LC", "NT", "VU", "EN", "CR"]
AssemblageKind = Literal["conformal", "f_score", "f_score_global"]
UnknownPolicy = Literal["unknown", "exclude", "LC", "NT", "VU", "EN", "CR"]


class Listing(Settings):
    """A table with a row per taxon, and how its rows find the species of a model."""

    path: Path | None = None
    """CSV or Parquet; None: the species table of the observations is the list itself."""
    match: Literal["name", "gbif", "species_id"] = "name"
    """By canonical scientific name, by GBIF taxon key, or by the id of the species table."""
    keys: tuple[str, ...] = Field(("species",), min_length=1)
    """Columns of the list with the name or key; a row matches by any of them, so a synonym can
    stand beside its accepted name."""
    species_column: str | None = None
    """Column of the species table; by default `species`, `gbif_key` or `species_id`, as match
    says."""
    only: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Rows that count: column and the values that are kept, such as `kingdom: [Plantae]`."""
    infraspecific: Literal["contained", "binomial", "exact"] = "contained"
    """How subspecies, varieties and forms meet species. ``contained``: a listed taxon finds itself
    and what it contains, so a listed species finds the model's subspecies of it, but a listed
    subspecies does not make its whole species a member. ``binomial``: both stand for their species.
    ``exact``: each stands for itself alone."""


class TraitTable(Listing):
    """A list that makes species members of an indicator."""

    value: str | None = None
    """Column that says yes or no; None: a taxon that is listed is a member."""
    yes: tuple[str, ...] = Field(("1", "true", "yes"), min_length=1)
    """Values that mean yes, in any case."""


class StatusTable(Listing):
    """A list of IUCN statuses."""

    status: str = "iucn_status"
    """Column with the status."""
    translate: dict[str, Status | Literal["unknown"]] = Field(default_factory=dict)
    """Other values that the column has, and what they are, such as `"3": VU` of a national Red
    List."""
    inferred: str | None = None
    """Column that says whether the status was inferred and not assessed; None: every status was
    observed."""
    inferred_yes: tuple[str, ...] = Field(("1", "true", "yes", "inferred"), min_length=1)
    """Values of that column that mean inferred, in any case."""
    accept_inferred: bool = True
    """Whether an inferred status counts (paper 1, section 3, footnote 1) or is unknown."""


class SpecialistSettings(Settings):
    """Which species are present somewhere with a very low probability of presence elsewhere.

    Paper 1 gives no numbers; these are ours. A species is a specialist when its highest probability
    in the sample reaches its presence threshold and its mean probability over all other cells of
    the sample is below a share, its rarity, of the average species'. A share holds for any number
    of species, where a probability does not: below .01 were 21 % of the demo's 640 species, and 75
    to 87 % of 11,255 simulated ones. The default is the round number at which at most a tenth of
    species qualify on every simulated Europe that was tried: 6.1 % of the demo's, and by the true
    probabilities of two or three seeds each 2.5 to 4.1 % of 640 species, 2.5 to 3.0 % of 2,000 and
    .4 to 1.2 % of 11,255.
    """

    tiles: int = Field(16, ge=1)
    """Tiles in the sample, drawn by the seed from all tiles with land."""
    stride: int = Field(10, ge=1)
    """Every so many rows and columns, one cell of a tile is looked at."""
    rarity: float = Field(0.1, gt=0, lt=1)
    """Share of the average species' mean probability elsewhere, below which a species' own one is
    very low."""
    seed: int = 0
    """Of the draw of tiles."""


class IndicatorSettings(Settings):
    """All that the indicators need beside the model's probabilities."""

    eu_directive: TraitTable | None = None
    """Species of the EU Habitats Directive."""
    trees: TraitTable | None = None
    """Woody species (Plants of the World Online)."""
    invasive: TraitTable | None = None
    """Invasive species."""
    status: StatusTable | None = None
    """IUCN statuses: threatened species and the most threatened one."""
    threatened: tuple[Status, ...] = Field(("VU", "EN", "CR"), min_length=1)
    """Statuses that count as threatened."""
    unknown_status: UnknownPolicy = "unknown"
    """What a species without a known status counts as: a class of its own, nothing, or a status."""
    assemblage: AssemblageKind = "conformal"
    """Threshold by which a species belongs to the assemblage that is counted: ``conformal`` (paper
    1, section 3), that of the species' own best F-score, or one for all species by the best F-score
    over surveys (section 4)."""
    specialists: SpecialistSettings = SpecialistSettings()
    """How specialist species are found."""
