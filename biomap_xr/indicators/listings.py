"""Rows of a list joined to the species of a model, with an account of what did not match."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators.names import canonical_name
from biomap_xr.indicators.settings import Listing

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
    conflicts: tuple[str, ...] = ()
    """Species on which rows of the list disagree."""

    def __str__(self) -> str:
        """One line for a log."""
        line = (
            f"{self.trait}: {self.matched_species} species by {self.matched_rows} of {self.rows} "
            "rows "
            f"of {self.source}; {len(self.unmatched)} rows unmatched{_examples(self.unmatched)}"
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


def match_listing(
    trait: str, listing: Listing, species: pd.DataFrame, read: Callable[[Path], pd.DataFrame]
) -> Matches:
    """Join a list to a species table.

    Args:
        trait: what the list is for, for the report.
        listing: the list and how it is matched.
        species: one row a species, with the column that the match needs.
        read: reads a table of strings from a path.

    Raises:
        InputError: A column is missing from the list or the species table.
    """
    column = listing.species_column or _SPECIES_COLUMN[listing.match]
    if listing.path is None:
        table, source = species.astype(str).fillna(""), "the species table"
    else:
        table, source = read(listing.path), str(listing.path)
    keys = (column,) if listing.path is None else listing.keys
    require_columns(species, (column,), "the species table")
    require_columns(table, (*keys, *listing.only), source)
    table = _only(table, listing)
    places = _places(species[column].astype(str).fillna(""), _species_forms(listing))
    return _join(trait, source, table, keys, _listed_form(listing), places)


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


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV (separated by comma, semicolon or tab) or Parquet table, every value as a string.

    Args:
        path: of the table.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise InputError(
            f"There is no trait table {path}. Correct its path in the section indicators."
        )
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path).astype(str).fillna("")
        with path.open(encoding="utf-8") as lines:
            first = lines.readline()
        separator = max(",;\t", key=first.count)
        return pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (UnicodeDecodeError, ValueError, OSError) as error:
        raise InputError(
            f"The trait table {path} cannot be read: {error}. Expected CSV in UTF-8 or Parquet; "
            "convert it."
        ) from error


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


def _only(table: pd.DataFrame, listing: Listing) -> pd.DataFrame:
    """The rows that count."""
    for column, values in listing.only.items():
        table = table[table[column].isin(values)]
    return table.reset_index(drop=True)


def _listed_form(listing: Listing) -> Callable[[str], str]:
    """Function that brings a listed name or key to the form compared, empty where it has none."""
    if listing.match != "name":
        return _key
    whole = listing.infraspecific != "binomial"

    def form(name: str) -> str:
        """The one form of a listed name."""
        found = canonical_name(name)
        if found is None:
            return ""
        return found.full if whole else found.binomial

    return form


def _species_forms(listing: Listing) -> Callable[[str], set[str]]:
    """Function that gives the forms under which a list may name a species of the model."""
    if listing.match != "name":
        return lambda key: {_key(key)}

    def forms(name: str) -> set[str]:
        """All forms under which a species may be listed."""
        found = canonical_name(name)
        if found is None:
            return set()
        chosen = {
            "contained": {found.full, found.binomial},
            "binomial": {found.binomial},
            "exact": {found.full},
        }
        return chosen[listing.infraspecific]

    return forms


def _key(value: str) -> str:
    """A key without the decimals that a float column gives it: `5289.0` is `5289`."""
    stripped = value.strip().removesuffix(".0")
    return "" if stripped.lower() in {"", "nan", "none", "<na>"} else stripped


def _places(names: "pd.Series[str]", forms: Callable[[str], set[str]]) -> dict[str, list[int]]:
    """Rows of the species table by the forms that may name them."""
    places: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        for form in forms(name) - {""}:
            places.setdefault(form, []).append(row)
    return places


def _join(
    trait: str,
    source: str,
    table: pd.DataFrame,
    keys: tuple[str, ...],
    form_of: Callable[[str], str],
    places: dict[str, list[int]],
) -> Matches:
    """Look up every row of the list, and say what happened to it."""
    pairs: list[tuple[int, int]] = []
    unmatched, unreadable, reduced = [], [], []
    for row, names in enumerate(table[list(keys)].itertuples(index=False, name=None)):
        forms = {form for name in names if (form := form_of(name))}
        found = sorted({place for form in forms for place in places.get(form, ())})
        pairs.extend((row, place) for place in found)
        if not forms:
            unreadable.append(names[0])
        elif not found:
            unmatched.append(names[0])
        elif _was_reduced(names[0], forms):
            reduced.append(names[0])
    rows, species = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    report = MatchReport(
        trait=trait,
        source=source,
        rows=len(table),
        matched_rows=len(np.unique(rows)),
        matched_species=len(np.unique(species)),
        unmatched=tuple(unmatched),
        unreadable=tuple(unreadable),
        reduced=tuple(reduced),
    )
    return Matches(rows, species, table, report)


def _was_reduced(name: str, forms: set[str]) -> bool:
    """Whether a name below the species was compared as its species."""
    found = canonical_name(name)
    return found is not None and bool(found.infraspecific) and found.binomial in forms


def _examples(names: tuple[str, ...]) -> str:
    """The first few names in brackets."""
    if not names:
        return ""
    more = ", ..." if len(names) > _SHOWN else ""
    return f" ({', '.join(names[:_SHOWN])}{more})"
