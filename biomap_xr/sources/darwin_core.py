"""Darwin Core occurrences, as GBIF exports them: CSV, tab-separated occurrence.txt, or Parquet."""

from os import PathLike

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.records import Found, canonical, match_columns, words
from biomap_xr.sources.tables import read_table

ALIASES = {
    "survey_id": ("eventID",),
    "record_id": ("gbifID", "occurrenceID", "id"),
    "longitude": ("decimalLongitude",),
    "latitude": ("decimalLatitude",),
    "year": ("year",),
    # Darwin Core's own `day` is the day of the month.
    "day": ("startDayOfYear",),
    "date": ("eventDate",),
    "uncertainty_m": ("coordinateUncertaintyInMeters",),
    "area_m2": ("sampleSizeValue",),
    "species_id": ("speciesKey", "taxonKey"),
    "species": ("species", "scientificName"),
    "taxon_rank": ("taxonRank",),
    "country": ("countryCode", "country"),
    "status": ("occurrenceStatus",),
    "dataset": ("datasetKey",),
    "area_unit": ("sampleSizeUnit",),
}
KNOWN = {name.casefold() for names in ALIASES.values() for name in names}
SQUARE_METRES = (
    "m2",
    "m^2",
    "m²",
    "square metre",
    "square metres",
    "square meter",
    "square meters",
)
"""Spellings of the unit of `sampleSizeValue` that make it the area of a plot."""


def read_occurrences(path: str | PathLike[str]) -> pd.DataFrame:
    """Read Darwin Core occurrences; what was recorded as absent is left out and counted.

    Args:
        path: ``.csv``, ``.txt`` or ``.tsv`` (any usual separator), or ``.parquet``; column names in
            any case.

    Returns:
        A table ``(rows, columns)`` with `biomap_xr.sources.records.COLUMNS`, and ``dataset``, the
        key of the dataset. The
        attribute ``absent_rows`` of the frame counts the rows with occurrenceStatus ABSENT.

    Raises:
        InputError: No coordinates or no species in the columns, or a value cannot be read.
    """
    file = local_file(path)
    # Tab-separated archives are written without quotation: a lone " is part of a name.
    plain = file.suffix.lower() in (".txt", ".tsv")
    frame = read_table(file, wanted=lambda name: name.casefold() in KNOWN, quoted=not plain)
    names = match_columns(list(frame.columns), ALIASES)
    found = Found(file, frame, names)
    check_terms(found)
    rows = canonical(plots_only(found))
    rows["dataset"] = words(found.get("dataset"))
    absent = (words(found.get("status")).str.upper() == "ABSENT").fillna(value=False)
    present = rows[~absent].reset_index(drop=True)
    present.attrs["absent_rows"] = int(absent.sum())
    return present


def plots_only(found: Found) -> Found:
    """Return the same columns with sample sizes only where they are areas in square metres."""
    # Sample sizes are also hours, traps or litres.
    if "area_m2" not in found.names:
        return found
    area = found.names["area_m2"]
    in_metres = words(found.get("area_unit")).str.lower().isin(SQUARE_METRES)
    return Found(
        found.path, found.frame.assign(**{area: found.frame[area].where(in_metres)}), found.names
    )


def check_terms(found: Found) -> None:
    """Refuse a table that says neither where nor what.

    Raises:
        InputError: Terms are missing.
    """
    missing = [name for name in ("longitude", "latitude") if name not in found.names]
    if missing or not {"species_id", "species"} & set(found.names):
        raise InputError(
            f"{found.path} is no Darwin Core table: its known columns are "
            f"{list(found.frame.columns)}; expected decimalLongitude, decimalLatitude and one of "
            "speciesKey, taxonKey, species, scientificName"
        )
