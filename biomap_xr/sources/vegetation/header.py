"""The header of vegetation plots: where, when and how large they are, and what was said of them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import Transformer
from pyproj.exceptions import CRSError

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import DEFAULT, FileFormat
from biomap_xr.sources.records import Found, identifiers, numbers, words
from biomap_xr.sources.vegetation.columns import FIELDS, NUMBERS, TEXT, HeaderColumns
from biomap_xr.sources.vegetation.files import open_columns

YEAR = r"(?<!\d)((?:1[6-9]|20)\d{2})"
"""A year in a date such as 17.06.1998, 1998-06-17, 19980617 or 1998."""
DEGREES = "EPSG:4326"
JOIN = ","


def read_header(path: Path, columns: HeaderColumns, written: FileFormat = DEFAULT) -> pd.DataFrame:
    """Read the header of plots.

    Returns:
        (plots, `FIELDS`), each plot once, in the file's order; longitude and latitude in degrees
        (WGS84), NaN where unknown.

    Raises:
        InputError: The file, a named column, a number, a CRS or coordinates cannot be read, or a
            plot has two rows that disagree.
    """
    names = columns.named()
    required = names if columns.missing == "error" else ("plot",)
    found = open_columns(path, names, written, text=TEXT, required=required)
    _check_both(found)
    header = header_from(found, columns.constants)
    return placed(once(header, found.path, columns), found.path, columns)


def header_from(found: Found, constants: Mapping[str, float | str] | None = None) -> pd.DataFrame:
    """Return the fields of a table, (rows, `FIELDS`), with its own coordinates.

    Raises:
        InputError: A number cannot be read, a plot has no name, or a constant is no field.
    """
    header = pd.DataFrame(
        {
            **{name: words(found.get(name)) for name in TEXT},
            **{name: numbers(found, name) for name in NUMBERS},
        }
    )
    header["plot"] = identifiers(found.get("plot"))
    header["site"] = identifiers(found.get("site")).replace("", pd.NA)
    header["year"] = years(header["year"])
    for name, value in (constants or {}).items():
        header[name] = _constant(name, value, header)
    _check_names(header["plot"], found)
    return header[list(FIELDS)]


def years(values: pd.Series) -> pd.Series:
    """Return the first year, 1600 to 2099, in each text as float64 ``(rows,)``, NaN without one.

    >>> years(pd.Series(["17.06.1998", "1998-06-17", "19980617", "1998.0", "seeded"])).tolist()
    [1998.0, 1998.0, 1998.0, 1998.0, nan]
    """
    return values.astype("str").str.extract(YEAR)[0].astype("float64")


def once(header: pd.DataFrame, path: Path, columns: HeaderColumns) -> pd.DataFrame:
    """Return one row a plot, (plots, `FIELDS`), the labels of merged rows joined by a comma.

    Raises:
        InputError: A plot has two rows that may not be merged, or cannot be, as they disagree.
    """
    twice = header["plot"].duplicated(keep=False)
    if not twice.any():
        return header
    # Only repeated rows are grouped: a million plots have few, if any.
    groups = header[twice].groupby("plot", sort=False)
    others = [name for name in FIELDS if name not in ("plot", "label")]
    odd = (groups[others].nunique(dropna=False) > 1).any(axis=1)
    if columns.repeated == "error" or odd.any():
        bad = odd[odd] if odd.any() else odd
        what = "rows that disagree in more than the label" if odd.any() else "several rows"
        raise InputError(
            f"{path}: {len(bad)} plots have {what}, first {list(bad.index[:3])}; expected "
            "one row a plot: correct the table, or merge repeated rows that agree"
        )
    labels = header.dropna(subset="label").drop_duplicates(["plot", "label"])
    joined = labels.groupby("plot", sort=False)["label"].agg(JOIN.join)
    single = header.drop_duplicates("plot").reset_index(drop=True)
    return single.assign(label=single["plot"].map(joined))


def placed(header: pd.DataFrame, path: Path, columns: HeaderColumns) -> pd.DataFrame:
    """Return the header with longitude and latitude in degrees (WGS84), NaN where unknown.

    Raises:
        InputError: The CRS is not known, or coordinates are not of it.
    """
    x, y = (
        header[name].to_numpy(np.float64) * columns.coordinate_scale
        for name in ("longitude", "latitude")
    )
    known = np.isfinite(x) & np.isfinite(y)
    longitude, latitude = np.full(len(header), np.nan), np.full(len(header), np.nan)
    longitude[known], latitude[known] = x[known], y[known]
    if columns.crs != DEGREES:
        longitude[known], latitude[known] = _to_degrees(columns.crs).transform(x[known], y[known])
    # Not finite where a projection cannot be undone: as wrong as 4543914 degrees.
    bad = known & ~((np.abs(longitude) <= 180) & (np.abs(latitude) <= 90))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{path}: {int(bad.sum())} plots have coordinates that are no place in {columns.crs}, "
            f"first x = {x[first]:.12g}, y = {y[first]:.12g} of plot {header['plot'][first]!r}; "
            "name the CRS that they are in (EPSG:31468 is Gauss-Krueger of zone 4), the scale, or "
            "the other order of the columns"
        )
    return header.assign(longitude=longitude, latitude=latitude)


@cache
def _to_degrees(crs: str) -> Transformer:
    """Return the way from a CRS to degrees; PROJ takes long to find it."""
    try:
        return Transformer.from_crs(crs, DEGREES, always_xy=True)
    except CRSError as e:
        raise InputError(
            f"CRS {crs!r} of a table of plots is not known; expected one such as EPSG:31468"
        ) from e


def _constant(name: str, value: float | str, header: pd.DataFrame) -> pd.Series:
    allowed = sorted(set(FIELDS) - {"plot", "site", "label"})
    if name not in allowed:
        raise InputError(
            f"constant {name!r} = {value!r} is no field of a header; expected one of {allowed}"
        )
    number = name in NUMBERS or name == "year"
    if number == isinstance(value, str):
        raise InputError(
            f"constant {name!r} is {value!r}; expected {'a number' if number else 'text'}"
        )
    return pd.Series(value, header.index, dtype="float64" if number else "str")


def _check_both(found: Found) -> None:
    both = [name for name in ("longitude", "latitude") if name in found.names]
    if len(both) == 1:
        raise InputError(
            f"{found.path} has {both[0]} in column {found.names[both[0]]!r} and no other "
            "coordinate; expected both or none: name the column of the other"
        )


def _check_names(plots: pd.Series, found: Found) -> None:
    nameless = np.flatnonzero((plots == "").to_numpy())
    if len(nameless):
        raise InputError(
            f"{found.path}: {len(nameless)} rows have nothing in column {found.names['plot']!r}, "
            f"first line {nameless[0] + 2}; expected the name of a plot: fill it in"
        )
