"""Which species of a model count for which indicator, and what their IUCN status is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators.declared import INDICATORS, Indicator
from biomap_xr.indicators.listings import (
    MatchReport,
    match_listing,
    means,
    require_columns,
)
from biomap_xr.indicators.settings import IndicatorSettings, TraitTable
from biomap_xr.indicators.statuses import read_statuses, status_codes


@dataclass(frozen=True, eq=False)
class Traits:
    """The traits of a model's species, in the model's order."""

    table: pd.DataFrame
    """One row a species: `species_id`, `species`, one bool column a trait, `status` (LC, NT, VU,
    EN, CR or unknown), `status_inferred` bool and `status_code` uint8 as the policy for unknown
    statuses has it."""
    known: frozenset[str]
    """Traits for which a list was given; an indicator of another trait is not known anywhere."""
    reports: tuple[MatchReport, ...] = ()
    """How each list matched."""

    def members(
        self, indicators: Iterable[Indicator] = tuple(INDICATORS.values())
    ) -> NDArray[np.bool_]:
        """Which species count for which indicator.

        Returns:
            ``(indicator, species)`` bool.
        """
        everyone = np.ones(len(self.table), dtype=bool)
        rows = [
            everyone if one.trait is None else self.table[one.trait].to_numpy(bool)
            for one in indicators
        ]
        return np.stack(rows)

    def is_known(
        self, indicators: Iterable[Indicator] = tuple(INDICATORS.values())
    ) -> NDArray[np.bool_]:
        """Whether the list behind each indicator was given, ``(indicator,)`` bool."""
        return np.array(
            [one.trait is None or one.trait in self.known for one in indicators], dtype=bool
        )

    @property
    def status_code(self) -> NDArray[np.uint8]:
        """``(species,)`` uint8 codes of the statuses, 1 where a species counts for none."""
        return self.table["status_code"].to_numpy(np.uint8)

    def with_specialists(self, specialists: Sequence[int] | NDArray[np.int64]) -> Self:
        """The same traits with the specialists marked.

        Args:
            specialists: species ids.

        Raises:
            InputError: An id is not one of the model's.
        """
        ids = np.asarray(specialists, dtype=np.int64)
        foreign = np.setdiff1d(ids, self.table["species_id"].to_numpy())
        if foreign.size:
            raise InputError(
                f"Specialist species id {foreign[0]} is not among the model's {len(self.table)} "
                "species. "
                "The specialists were frozen for another model: freeze them again."
            )
        table = self.table.assign(specialist=self.table["species_id"].isin(ids).to_numpy())
        return replace(self, table=table, known=self.known | {"specialist"})

    def select(self, species_id: Sequence[int] | NDArray[np.int64]) -> Self:
        """The traits of some species, in the order given.

        Args:
            species_id: ids of the species wanted.

        Raises:
            InputError: An id has no traits.
        """
        places = pd.Index(self.table["species_id"]).get_indexer(pd.Index(np.asarray(species_id)))
        if (places < 0).any():
            missing = np.asarray(species_id)[places < 0][0]
            raise InputError(
                f"Species id {missing} has no row among the traits of {len(self.table)} species. "
                "Read the traits with the species table of the same cube."
            )
        return replace(self, table=self.table.iloc[places].reset_index(drop=True))


def read_traits(
    settings: IndicatorSettings,
    species: pd.DataFrame,
) -> Traits:
    """Read every list of a recipe and join it to the species of a model.

    Args:
        settings: the lists, and what an unknown status counts as.
        species: one row a species: `species_id`, `species` and what the lists are matched by.

    Raises:
        InputError: A list cannot be read, lacks a column, or holds an unknown status.
    """
    require_columns(species, ("species_id", "species"), "the species table")
    species = species.reset_index(drop=True)
    table = species[["species_id", "species"]].assign(specialist=False)
    known: set[str] = set()
    reports: list[MatchReport] = []
    for trait, listing in (
        ("eu_directive", settings.eu_directive),
        ("woody", settings.trees),
        ("invasive", settings.invasive),
    ):
        table[trait] = False
        if listing is not None:
            table[trait], report = _read_trait(trait, listing, species)
            known.add(trait)
            reports.append(report)
    statuses, status_reports = read_statuses(settings.status, species)
    table = table.join(statuses)
    table["threatened"] = table["status"].isin(settings.threatened)
    table["status_code"] = status_codes(table["status"], settings.unknown_status)
    known.update({"threatened"} if settings.status else ())
    return Traits(table, frozenset(known), (*reports, *status_reports))


def _read_trait(
    trait: str, listing: TraitTable, species: pd.DataFrame
) -> tuple[NDArray[np.bool_], MatchReport]:
    """``(species,)`` bool of one trait, and how its list matched."""
    matches = match_listing(trait, listing, species)
    says_yes = np.ones(len(matches.table), dtype=bool)
    if listing.value is not None:
        require_columns(matches.table, (listing.value,), matches.report.source)
        says_yes = means(matches.table[listing.value], listing.yes)
    member = np.zeros(len(species), dtype=bool)
    member[matches.species[says_yes[matches.row]]] = True
    denied = np.zeros(len(species), dtype=bool)
    denied[matches.species[~says_yes[matches.row]]] = True
    conflicts = tuple(species["species"].astype(str)[member & denied])
    return member, replace(matches.report, conflicts=conflicts)
