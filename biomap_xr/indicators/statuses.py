"""IUCN statuses of a model's species, observed or inferred, and what an unknown one counts as."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators.declared import NO_SPECIES, STATUS_CODES
from biomap_xr.indicators.listings import (
    Matches,
    MatchReport,
    match_listing,
    means,
    require_columns,
)
from biomap_xr.indicators.settings import StatusTable, UnknownPolicy

# Red List values beside the five: older categories, regional ones, and the ways of saying that none
# is known. A species listed as extinct that a model finds present is of the highest concern there
# is.
_OTHER_STATUSES = {
    "EX": "CR", "EW": "CR", "RE": "CR", "CR(PE)": "CR", "CR(PEW)": "CR",
    "LR/LC": "LC", "LR/NT": "NT", "LR/CD": "NT",
    "LEAST CONCERN": "LC", "NEAR THREATENED": "NT", "VULNERABLE": "VU", "ENDANGERED": "EN",
    "CRITICALLY ENDANGERED": "CR",
    "DD": "unknown", "NE": "unknown", "NA": "unknown", "": "unknown", "NAN": "unknown",
    "NONE": "unknown", "UNKNOWN": "unknown", "DATA DEFICIENT": "unknown",
    "NOT EVALUATED": "unknown",
}  # fmt: skip


def read_statuses(
    listing: StatusTable | None, species: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[MatchReport, ...]]:
    """Read the statuses of a model's species; the greatest threat counts where rows disagree.

    Args:
        listing: the list, or None where there is none.
        species: one row a species.

    Returns:
        A table ``(species)`` of `status` (unknown where no row says otherwise) and
        `status_inferred`, and how the list matched.

    Raises:
        InputError: The list lacks a column or holds a value that is no status.
    """
    codes = np.full(len(species), STATUS_CODES["unknown"], dtype=np.uint8)
    inferred = np.zeros(len(species), dtype=bool)
    if listing is None:
        return _status_frame(codes, inferred), ()
    matches = match_listing("iucn_status", listing, species)
    row_codes, row_inferred = _row_statuses(listing, matches)
    pairs = row_codes[matches.row]
    np.maximum.at(codes, matches.species, pairs)
    decisive = pairs == codes[matches.species]
    # A status is observed as soon as one row that gives it is.
    observed = np.zeros(len(species), dtype=bool)
    observed[matches.species[decisive & ~row_inferred[matches.row]]] = True
    inferred[matches.species] = True
    inferred &= ~observed
    return _status_frame(codes, inferred), (
        replace(matches.report, conflicts=_conflicts(matches, pairs, species)),
    )


def _status_frame(codes: NDArray[np.uint8], inferred: NDArray[np.bool_]) -> pd.DataFrame:
    """Status names ``(species)`` and marks."""
    names = {code: name for name, code in STATUS_CODES.items()}
    return pd.DataFrame(
        {"status": [names[int(code)] for code in codes], "status_inferred": inferred}
    )


def _row_statuses(
    listing: StatusTable, matches: Matches
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """``(row,)`` status codes, and ``(row,)`` whether inferred."""
    require_columns(matches.table, (listing.status,), matches.report.source)
    inferred = np.zeros(len(matches.table), dtype=bool)
    if listing.inferred is not None:
        require_columns(matches.table, (listing.inferred,), matches.report.source)
        inferred = means(matches.table[listing.inferred], listing.inferred_yes)
    codes = [
        _status_code(value, listing, matches.report.source)
        for value in matches.table[listing.status]
    ]
    row_codes = np.array(codes, dtype=np.uint8).reshape(-1)
    if not listing.accept_inferred:
        row_codes[inferred] = STATUS_CODES["unknown"]
    return row_codes, inferred


def _status_code(value: str, listing: StatusTable, source: str) -> int:
    """Code of one value of a status column.

    Raises:
        InputError: The value is no IUCN status and the recipe does not translate it.
    """
    if value in listing.translate:
        return STATUS_CODES[listing.translate[value]]
    plain = value.strip().upper()
    name = plain if plain in STATUS_CODES else _OTHER_STATUSES.get(plain.replace("CR (", "CR("))
    if name is None:
        raise InputError(
            f"{source} has the status {value!r} in column {listing.status!r}; expected one of "
            f"{sorted(STATUS_CODES)}. Say what it means under status.translate."
        )
    return STATUS_CODES[name]


def _conflicts(
    matches: Matches, codes: NDArray[np.uint8], species: pd.DataFrame
) -> tuple[str, ...]:
    """Names of the species to which rows of the list give different statuses."""
    kinds = pd.Series(codes).groupby(matches.species).nunique()
    return tuple(species["species"].astype(str).iloc[kinds.index[kinds > 1].to_numpy()])


def status_codes(status: "pd.Series[str]", policy: UnknownPolicy) -> NDArray[np.uint8]:
    """Codes of statuses under a policy for unknown ones.

    Args:
        status: ``(species,)`` LC, NT, VU, EN, CR or unknown.
        policy: `unknown` keeps them a class of their own, `exclude` counts them nowhere, a status
            makes them that status.

    Returns:
        ``(species,)`` uint8, 1 for a species that counts nowhere.

    >>> status_codes(pd.Series(["EN", "unknown"]), "exclude")
    array([6, 1], dtype=uint8)
    """
    stand_in = NO_SPECIES if policy == "exclude" else STATUS_CODES[policy]
    codes = STATUS_CODES | {"unknown": stand_in}
    return np.array([codes[name] for name in status], dtype=np.uint8)
