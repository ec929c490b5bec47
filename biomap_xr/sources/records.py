"""The canonical columns of plant records, whatever file they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from biomap_xr.errors import InputError

COLUMNS = {
    "survey_id": "id of the plot survey, the same for all its species; empty where there is none",
    "record_id": "id of the row in its collection",
    "longitude": "degrees east, WGS 84",
    "latitude": "degrees north, WGS 84",
    "year": "0 where unknown",
    "day": "day of the year from 1, 0 where unknown",
    "date": "day that year and day mean, missing where one is unknown",
    "uncertainty_m": "radius of the coordinate's uncertainty in metres",
    "area_m2": "area of the plot, missing where it is empty or no finite number",
    "area_status": "stated, empty or infinite: why an area is missing",
    "species_id": "id within the file's own list of species",
    "species": "scientific name",
    "taxon_rank": "rank of the taxon",
    "subset": "the collection's own split into train, val and test",
    "region": "biogeographic region",
    "country": "name or code",
    "patch_id": "name of the record's image patch",
    "time_series_id": "name of the record's time series",
}
"""Every reader of records returns these columns in this order, and may append others."""

SECONDS_A_DAY = 86_400
UNIX_SECONDS = r"^-?\d{9,11}(?:\.0*)?$"
DATE_PARTS = r"^(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})(?:[T ].*)?)?)?$"


@dataclass(frozen=True)
class Found:
    """The columns of one file by their canonical names.

    Attributes:
        path: The file, for messages.
        frame: Its rows.
        names: Canonical name to the file's own, for those that it has.
    """

    path: Path
    frame: pd.DataFrame
    names: Mapping[str, str]

    def get(self, name: str) -> pd.Series:
        """Return a column ``(rows,)``, all missing where the file has none."""
        if name in self.names:
            return self.frame[self.names[name]]
        return pd.Series(pd.NA, self.frame.index, dtype="str")


def canonical(found: Found) -> pd.DataFrame:
    """Return a table ``(rows, columns)`` with `COLUMNS`, no row dropped, merged or moved.

    Raises:
        InputError: A number, id or date cannot be read.
    """
    moment = moments(found)
    area = numbers(found, "area_m2")
    frame = pd.DataFrame(
        {
            "survey_id": identifiers(found.get("survey_id")),
            "record_id": identifiers(found.get("record_id")),
            "longitude": numbers(found, "longitude"),
            "latitude": numbers(found, "latitude"),
            **moment,
            "uncertainty_m": numbers(found, "uncertainty_m"),
            "area_m2": area.where(np.isfinite(area)),
            "area_status": np.select(
                [area.isna(), np.isinf(area)], ["empty", "infinite"], "stated"
            ),
            "species_id": whole_numbers(found, "species_id"),
            **{name: words(found.get(name)) for name in ("species", "taxon_rank", "subset")},
            **{name: words(found.get(name)) for name in ("region", "country")},
            **{name: identifiers(found.get(name)) for name in ("patch_id", "time_series_id")},
        }
    )
    return frame[list(COLUMNS)]


def identifiers(values: pd.Series) -> pd.Series:
    """Return ids as text ``(rows,)``, empty where missing; what pandas read as 12.0 is 12 again.

    >>> identifiers(pd.Series([12.0, np.nan])).tolist()
    ['12', '']
    """
    if pd.api.types.is_float_dtype(values) and not (values.dropna() % 1).any():
        values = values.astype("Int64")
    text = values.astype("str").str.strip().str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    return text.mask(values.isna(), "").astype("str")


def words(values: pd.Series) -> pd.Series:
    """Return names as text ``(rows,)``, missing where empty."""
    text = values.astype("str").str.strip()
    return text.mask(values.isna() | (text == "").fillna(value=True))


def numbers(found: Found, name: str) -> pd.Series:
    """Return a column as float64 ``(rows,)``, NaN where empty, infinities kept.

    Raises:
        InputError: A value is no number.
    """
    values = found.get(name)
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    parsed = pd.to_numeric(values, errors="coerce").astype("float64")
    # Coercion hides typing slips: what was written and did not become a number is an error.
    refuse(found, name, words(values).notna() & parsed.isna() & ~is_nan_text(values), "a number")
    return parsed


def is_nan_text(values: pd.Series) -> pd.Series:
    """Return which values ``(rows,)`` spell out that there is no number."""
    return values.astype("str").str.lower().isin(["nan", "na", "none", "null"])


def whole_numbers(found: Found, name: str) -> pd.Series:
    """Return a column as Int64 ``(rows,)``, missing where empty: GeoPlant writes ids as 6310.0.

    Raises:
        InputError: A value is no whole number.
    """
    parsed = numbers(found, name)
    refuse(found, name, parsed.notna() & ~(parsed % 1 == 0), "a whole number")
    return parsed.astype("Int64")


def moments(found: Found) -> dict[str, pd.Series]:
    """Return year, day of the year (0 unknown) and date ``(rows,)``.

    The file's own year and day of the year hold; the date fills what they leave open, since a time
    in seconds lies some hours beside the local day.

    Raises:
        InputError: A date that is needed cannot be read.
    """
    year = whole_numbers(found, "year").fillna(0).astype("int64")
    day = whole_numbers(found, "day").fillna(0).astype("int64")
    if "date" in found.names:
        stated = dated(found, year)
        year = year.where(year > 0, stated["year"])
        day = day.where((day > 0) | (year != stated["year"]), stated["day"])
    # From year and day alone, so that the three columns cannot contradict each other.
    first = pd.to_datetime(year.where(year > 0).astype("Int64").astype("str"), errors="coerce")
    date = (first + pd.to_timedelta(day - 1, unit="D")).where(day > 0)
    return {"year": year, "day": day, "date": date.astype("datetime64[s]")}


def dated(found: Found, year: pd.Series) -> pd.DataFrame:
    """Return year and day of the year (shape: rows, 2) that the date column says, 0 unknown.

    A span of days (``start/end``) says the day only where both are one, and so the year.

    Args:
        found: The file.
        year: Year of each row as the file states it otherwise, 0 unknown.

    Raises:
        InputError: A date cannot be read where no year is known otherwise.
    """
    text = identifiers(found.get("date"))
    ends = text.str.partition("/")
    start, end = days(ends[0]), days(ends[2].where(ends[2] != "", ends[0]))
    odd = (text != "") & (year == 0) & (start["year"] == 0)
    refuse(found, "date", odd, "YYYY-MM-DD or Unix seconds")
    same_year = start["year"].where(start["year"] == end["year"], 0)
    same_day = start["day"].where((same_year > 0) & (start["day"] == end["day"]), 0)
    return pd.DataFrame({"year": same_year, "day": same_day})


def days(text: pd.Series) -> pd.DataFrame:
    """Return year and day of the year (shape: rows, 2) of ISO dates or Unix seconds, 0 unknown.

    >>> days(pd.Series(["2018-06-17", "1587938400", "2019", ""])).values.tolist()
    [[2018, 168], [2020, 118], [2019, 0], [0, 0]]
    """
    parts = text.str.extract(DATE_PARTS)
    joined = parts["year"] + "-" + parts["month"] + "-" + parts["day"]
    date = pd.to_datetime(joined, format="%Y-%m-%d", errors="coerce")
    unix = text.str.match(UNIX_SECONDS).fillna(value=False)
    # Local midnight in Europe is 21 to 24 h UTC of the day before: the nearest midnight is meant.
    nearest = (pd.to_numeric(text.where(unix)) / SECONDS_A_DAY).round()
    date = date.where(~unix, pd.to_datetime(nearest, unit="D", errors="coerce"))
    year = date.dt.year.fillna(pd.to_numeric(parts["year"])).fillna(0)
    return pd.DataFrame({"year": year, "day": date.dt.day_of_year.fillna(0)}).astype("int64")


def refuse(found: Found, name: str, bad: pd.Series, expected: str) -> None:
    """Name the first rows of a column that cannot be read.

    Raises:
        InputError: There are such rows.
    """
    if bad.any():
        lines = (np.flatnonzero(bad)[:3] + 2).tolist()
        values = found.get(name)[bad].head(3).tolist()
        raise InputError(
            f"{found.path}: column {found.names[name]!r} holds {values} in {int(bad.sum())} rows "
            f"(lines {lines}...); expected {expected}: correct them"
        )


def match_columns(columns: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the file's own name of each canonical column that it has, without regard to case.

    Args:
        columns: The file's header.
        aliases: Names of each canonical column in the order of preference.

    >>> match_columns(["Lon", "lat"], {"longitude": ["lon"], "latitude": ["lat"], "year": ["year"]})
    {'longitude': 'Lon', 'latitude': 'lat'}
    """
    # Reversed, so that the first of two columns that differ in case only is taken.
    own = {column.strip().casefold(): column for column in reversed(columns)}
    found = {}
    for canonical_name, names in aliases.items():
        match = next((own[name.casefold()] for name in names if name.casefold() in own), None)
        if match is not None:
            found[canonical_name] = match
    return found
