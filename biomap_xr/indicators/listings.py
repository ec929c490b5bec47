"""Rows of a list joined to the species of a model, with an account of what did not match."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators.settings import Listing
from biomap_xr.sources.tables import read_table
from biomap_xr.taxa import Step, parse, step_between

_SPECIES_COLUMN = {"name": "species", "gbif": "gbif_key", "species_id": "species_id"}
_SHOWN = 5


@dataclass(frozen=True)
class MatchReport:
    """How the rows of one list met the species of a model."""

    trait: str
    """What the list is for."""
    source: str
    """Where it was read."""
    rows: int
    """Rows that count, after `only`."""
    matched_rows: int
    """Rows that found at least one species."""
    matched_species: int
    """Species that were found."""
    unmatched: tuple[str, ...]
    """Names or keys, as the list has them, of which the model has no species."""
    unreadable: tuple[str, ...]
    """Names that name no species: genera, hybrid formulas, uncertain identifications; empty
    keys."""
    reduced: tuple[str, ...]
    """Infraspecific names of the list that stand for their species."""
    steps: dict[Step, int]
    """How many rows were found at which step, or not found and why, by the first key of each."""
    conflicts: tuple[str, ...] = ()
    """Species on which rows of the list disagree."""

    def __str__(self) -> str:
        """One line for a log."""
        steps = ", ".join(f"{count} {step}" for step, count in self.steps.items())
        line = (
            f"{self.trait}: {self.matched_species} species by {self.matched_rows} of {self.rows} "
            f"rows of {self.source}, of which {steps or 'none'}; {len(self.unmatched)} rows "
            f"unmatched{_examples(self.unmatched)}"
        )
        for kind in ("unreadable", "reduced", "conflicts"):
            if names := getattr(self, kind):
                line += f"; {len(names)} {kind}{_examples(names)}"
        return line


@dataclass(frozen=True, eq=False)
class Matches:
    """Which row of a list found which species."""

    row: NDArray[np.int64]
    """``(pair,)`` row of the list's table."""
    species: NDArray[np.int64]
    """``(pair,)`` row of the species table."""
    table: pd.DataFrame
    """The list's rows that count; every value a string."""
    report: MatchReport
    """The account for a person."""


def match_listing(trait: str, listing: Listing, species: pd.DataFrame) -> Matches:
    """Join a list to a species table.

    Args:
        trait: what the list is for, for the report.
        listing: the list and how it is matched.
        species: one row a species, with the column that the match needs.

    Raises:
        InputError: The list cannot be read, or a column is missing from it or the species table.
    """
    column = listing.species_column or _SPECIES_COLUMN[listing.match]
    require_columns(species, (column,), "the species table")
    keys: tuple[str, ...] = (column,)
    table, source = species.astype(str).fillna(""), "the species table"
    if listing.path is not None:
        table, source, keys = read_table(listing.path, text="all"), str(listing.path), listing.keys
    require_columns(table, (*keys, *listing.only), source)
    for name, values in listing.only.items():
        table = table[table[name].isin(values)]
    table = table.reset_index(drop=True)
    return _join(trait, source, table, keys, listing, species[column].astype(str).fillna(""))


def require_columns(table: pd.DataFrame, columns: tuple[str, ...], source: str) -> None:
    """Refuse a table that lacks a column.

    Args:
        table: any table.
        columns: names that it must have.
        source: what the table is, for the message.

    Raises:
        InputError: A column is missing.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(
            f"{source} has no column {missing[0]!r}; it has {list(table.columns)}. "
            "Name the right column in the recipe's section indicators."
        )


def means(column: "pd.Series[str]", values: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether each value of a column is one of some values, in any case.

    Args:
        column: ``(row,)`` strings.
        values: those that count.

    Returns:
        ``(row,)`` bool.

    >>> means(pd.Series(["Yes", "1.0", "no"]), ("yes", "1"))
    array([ True,  True, False])
    """
    wanted = {value.lower() for value in values}
    return column.str.strip().str.lower().str.removesuffix(".0").isin(wanted).to_numpy(bool)


def _join(
    trait: str,
    source: str,
    table: pd.DataFrame,
    keys: tuple[str, ...],
    listing: Listing,
    species: "pd.Series[str]",
) -> Matches:
    """Look up every row of the list, and say what happened to it."""
    places: dict[str, list[int]] = {}
    for row, name in enumerate(species):
        for form in _forms(name, listing, listed=False):
            places.setdefault(form, []).append(row)
    pairs: list[tuple[int, int]] = []
    steps: Counter[Step] = Counter()
    unmatched, unreadable, reduced = [], [], []
    for row, names in enumerate(table[list(keys)].itertuples(index=False, name=None)):
        forms = {form for name in names for form in _forms(name, listing, listed=True)}
        found = sorted({place for form in forms for place in places.get(form, ())})
        pairs.extend((row, place) for place in found)
        step = Step.EXACT if found else Step.UNMATCHED
        if listing.match == "name":
            ways = [step_between(names[0], species.iloc[place]) for place in found]
            step = min(ways, key=list(Step).index, default=parse(names[0]).unfound)
        steps[step] += 1
        if not forms:
            unreadable.append(names[0])
        elif not found:
            unmatched.append(names[0])
        elif step is Step.SPECIES:
            reduced.append(names[0])
    rows, matched = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    report = MatchReport(
        trait=trait,
        source=source,
        rows=len(table),
        matched_rows=len(np.unique(rows)),
        matched_species=len(np.unique(matched)),
        unmatched=tuple(unmatched),
        unreadable=tuple(unreadable),
        reduced=tuple(reduced),
        steps=dict(steps),
    )
    return Matches(rows, matched, table, report)


def _forms(value: str, listing: Listing, *, listed: bool) -> set[str]:
    """The forms by which a name or key, of the list or of the species table, is compared."""
    if listing.match != "name":
        # A float column gives keys decimals: `5289.0` is `5289`.
        key = value.strip().removesuffix(".0")
        return set() if key.lower() in {"", "nan", "none", "<na>"} else {key}
    taxon = parse(value)
    if not taxon.is_species:
        return set()
    if listing.infraspecific == "binomial":
        return {taxon.binomial}
    contained = listing.infraspecific == "contained" and not listed
    return {taxon.full, taxon.binomial} if contained else {taxon.full}


def _examples(names: tuple[str, ...]) -> str:
    """The first few names in brackets."""
    if not names:
        return ""
    more = ", ..." if len(names) > _SHOWN else ""
    return f" ({', '.join(names[:_SHOWN])}{more})"
