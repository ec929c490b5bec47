"""Darwin Core sampling events: event and occurrence tables, with covers as quantities."""

from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.sources.darwin_core import plots_only
from biomap_xr.sources.formats import FileFormat
from biomap_xr.sources.records import Found, identifiers, numbers, words
from biomap_xr.sources.vegetation.columns import TEXT, HeaderColumns
from biomap_xr.sources.vegetation.covers import covers_from
from biomap_xr.sources.vegetation.files import open_columns
from biomap_xr.sources.vegetation.header import header_from, once, placed
from biomap_xr.sources.vegetation.raw import RawPlots

EVENT = {
    "plot": ("eventID", "id"),
    "longitude": ("decimalLongitude",),
    "latitude": ("decimalLatitude",),
    "label": ("habitat",),
    "site": ("locationID",),
    "year": ("year", "eventDate"),
    "area_m2": ("sampleSizeValue",),
    "area_unit": ("sampleSizeUnit",),
    "uncertainty_m": ("coordinateUncertaintyInMeters",),
    "country": ("country", "countryCode"),
    "altitude_m": ("minimumElevationInMeters", "verbatimElevation"),
    "dataset": ("datasetName", "datasetID"),
}
OCCURRENCE = {
    "plot": ("eventID",),
    "occurrence": ("occurrenceID",),
    "species": ("scientificName", "species", "verbatimScientificName"),
    "cover": ("organismQuantity",),
    "quantity": ("organismQuantityType",),
    "status": ("occurrenceStatus",),
}
MEASUREMENT = {
    "occurrence": ("occurrenceID",),
    "kind": ("measurementType",),
    "cover": ("measurementValue",),
    "unit": ("measurementUnit",),
}
COVER_KINDS = r"^(?:%|percent(?:age)?)? ?(?:plant |species )?(?:cover|coverage|abundance cover)?$"
"""Spellings of a quantity that is a cover in percent: "% cover", "percentageCover", "percent"."""
PERCENT = r"%|percent"
EVENT_COLUMNS = HeaderColumns(plot="eventID", missing="empty")


def read_events(
    event: Path, occurrence: Path, measurement: Path | None, written: FileFormat
) -> RawPlots:
    """Read sampling events with covers.

    Covers are organismQuantity where organismQuantityType says "% cover" in any usual spelling, or
    measurementValue of the measurements whose type is cover and whose unit is percent. A species
    whose quantity is of another kind, such as a class of Braun-Blanquet's, has no cover (NaN).

    Args:
        event: Events: eventID, coordinates, date, sample size.
        occurrence: Occurrences: eventID, scientificName, organismQuantity.
        measurement: MeasurementOrFact with occurrenceID, or None.
        written: Separator, encoding and decimals of all files.

    Returns:
        Plots, and how many rows were recorded as absent.

    Raises:
        InputError: A file cannot be read, a term is missing, or a measurement is twice there.
    """
    found = open_columns(event, EVENT, written, text=TEXT, required=("plot",))
    header = once(header_from(plots_only(found)), found.path, EVENT_COLUMNS)
    header = placed(header, found.path, EVENT_COLUMNS)
    rows = open_columns(
        occurrence,
        OCCURRENCE,
        written,
        text=("plot", "species", "occurrence"),
        required=("plot", "species"),
    )
    stated = _quantities(rows) if measurement is None else _measured(rows, measurement, written)
    frame = rows.frame.assign(cover_in_percent=stated)
    here = words(rows.get("status")).str.casefold().ne("absent").fillna(value=True)
    # Filtered by position, so that messages still name the lines of the file.
    present = Found(rows.path, frame[here.to_numpy(bool)], {**rows.names, "cover": COVER})
    covers = covers_from(present).reset_index(drop=True)
    return RawPlots(rows.path, covers, header, absent=int((~here).sum()))


COVER = "cover_in_percent"


def _quantities(rows: Found) -> pd.Series:
    """Return organismQuantity ``(rows,)`` where it is a cover in percent, missing elsewhere."""
    if not {"cover", "quantity"} <= set(rows.names):
        raise InputError(
            f"{rows.path} has no organismQuantity with organismQuantityType, only "
            f"{list(rows.frame.columns)}; expected covers there, or name a table of measurements"
        )
    # The standard leaves the words to the publisher, so they are told by what they have in common.
    kind = _spelling(rows.get("quantity"))
    is_cover = kind.str.fullmatch(COVER_KINDS).fillna(value=False) & kind.str.contains(
        f"{PERCENT}|cover"
    ).fillna(value=False)
    return rows.get("cover").where(is_cover.to_numpy(bool))


def _measured(rows: Found, measurement: Path, written: FileFormat) -> pd.Series:
    """Return the measured cover ``(rows,)`` of each occurrence, missing where there is none."""
    if "occurrence" not in rows.names:
        raise InputError(
            f"{rows.path} has no occurrenceID, only {list(rows.frame.columns)}; expected one that "
            f"the measurements of {measurement} name"
        )
    found = open_columns(
        measurement, MEASUREMENT, written, text=("occurrence",), required=tuple(MEASUREMENT)
    )
    kind, unit = _spelling(found.get("kind")), _spelling(found.get("unit"))
    covers = kind.str.contains("cover").fillna(value=False) & unit.str.contains(PERCENT).fillna(
        value=False
    )
    chosen = Found(found.path, found.frame[covers.to_numpy(bool)], found.names)
    value = pd.Series(
        numbers(chosen, "cover").to_numpy(), index=identifiers(chosen.get("occurrence"))
    )
    twice = value.index[value.index.duplicated()]
    if len(twice):
        raise InputError(
            f"{found.path}: {len(twice)} occurrences have a second cover, first {twice[0]!r}; "
            "expected one cover an occurrence: remove the others"
        )
    return identifiers(rows.get("occurrence")).map(value)


def _spelling(values: pd.Series) -> pd.Series:
    """Return names ``(rows,)`` in lower case, with blanks between words, as in "% cover"."""
    text = words(values).str.replace(r"(?<=[a-z%])(?=[A-Z])", " ", regex=True)
    return text.str.replace(r"[_\s]+", " ", regex=True).str.casefold()
