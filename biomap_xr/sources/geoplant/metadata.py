"""Metadata of GeoPlant and GeoLifeCLEF, all editions: which species in which survey."""

from os import PathLike

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.records import Found, canonical, match_columns
from biomap_xr.sources.tables import read_table

ALIASES = {
    "survey_id": ("surveyId", "observation_id"),
    "record_id": ("glcID", "observation_id"),
    "longitude": ("lon", "longitude"),
    "latitude": ("lat", "latitude"),
    "year": ("year",),
    "day": ("dayOfYear",),
    "date": ("date",),
    "uncertainty_m": ("geoUncertaintyInM",),
    "area_m2": ("areaInM2",),
    "species_id": ("speciesId", "species_id"),
    "species": ("GBIF_species_name", "species"),
    "taxon_rank": ("taxonRank",),
    "subset": ("subset",),
    "region": ("region",),
    "country": ("country",),
    "patch_id": ("patchID", "surveyId", "observation_id"),
    "time_series_id": ("timeSerieID", "surveyId", "observation_id"),
    "gbif_id": ("GBIF_species_id",),
}
"""Names of each canonical column: GeoLifeCLEF 2022 (observation_id), 2023 (glcID, patchID), 2024,
2025 and GeoPlant (surveyId)."""

IDS = ("glcID", "surveyId", "observation_id", "patchID", "timeSerieID", "date")
GEOLIFECLEF_2023 = ("patch_id", "time_series_id", "record_id")
EXPECTED = (
    "surveyId, lon, lat, speciesId (GeoPlant, GeoLifeCLEF 2024 and 2025), "
    "glcID, patchID, timeSerieID, lon, lat, speciesId (2023) or "
    "observation_id, longitude, latitude, species_id (2022)"
)


def read_metadata(path: str | PathLike[str], *, labelled: bool = True) -> pd.DataFrame:
    """Read a metadata table of any edition, one row a species in a survey, duplicates kept.

    GeoLifeCLEF 2023 has no id of surveys: rows of one patch and one day are one survey there.

    Args:
        path: The CSV.
        labelled: Whether species are needed; test sets may have none.

    Returns:
        A table ``(rows, columns)`` with `biomap_xr.sources.records.COLUMNS`, and ``gbif_id``
        (Int64, missing where the file has none).

    Raises:
        InputError: No edition has these columns, or a value cannot be read.
    """
    file = local_file(path)
    frame = read_table(file, text=IDS, wanted=is_known)
    names = match_columns(list(frame.columns), ALIASES)
    found = Found(file, frame, names)
    check_edition(found, labelled=labelled)
    rows = canonical(found)
    if "survey_id" not in names:
        rows["survey_id"] = surveys_of_2023(rows)
    gbif = pd.to_numeric(found.get("gbif_id"), errors="coerce")
    return rows.assign(gbif_id=gbif.astype("Int64"))


def is_known(column: str) -> bool:
    """Return whether any edition's table uses a column; the rest is not read."""
    return any(column in names for names in ALIASES.values())


def surveys_of_2023(rows: pd.DataFrame) -> pd.Series:
    """Return the survey of each row ``(rows,)``: its patch, year and day."""
    moment = rows["year"].astype("str") + "-" + rows["day"].astype("str").str.zfill(3)
    return rows["patch_id"] + "_" + moment


def check_edition(found: Found, *, labelled: bool) -> None:
    """Refuse a table that no edition has.

    Raises:
        InputError: Columns are missing.
    """
    needed = ["longitude", "latitude", "species_id"] if labelled else ["longitude", "latitude"]
    identified = "survey_id" in found.names or all(n in found.names for n in GEOLIFECLEF_2023)
    missing = [name for name in needed if name not in found.names]
    if missing or not identified:
        raise InputError(
            f"{found.path} is no metadata table that we know: its known columns are "
            f"{list(found.frame.columns)}; expected {EXPECTED}"
        )
