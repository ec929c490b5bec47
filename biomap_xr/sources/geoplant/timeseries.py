"""Landsat time series of GeoPlant and GeoLifeCLEF as CSVs, one file a band."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file, local_folder
from biomap_xr.sources.records import identifiers
from biomap_xr.sources.tables import read_pieces

BANDS = ("red", "green", "blue", "nir", "swir1", "swir2")
YEARS = range(2000, 2021)
QUARTERS = range(1, 5)
STEPS = tuple(f"{year}_{quarter}" for year in YEARS for quarter in QUARTERS)
ID_COLUMNS = ("timeSerieID", "surveyId")
MISSING = 255
# After the day of the observation GeoLifeCLEF 2023 writes "eos", end of series.
MISSING_TEXT = ("eos", "", "nan", "NaN", "NA")
ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class TimeSeries:
    """Quarterly Landsat values.

    Attributes:
        ids: Name of each series, sorted as in the first band's file.
        values: ``(series, 6, 4, 21)`` uint8: band x quarter x year 2000..2020, 255 where missing.
    """

    ids: tuple[str, ...]
    values: NDArray[np.uint8]


def find_series(folder: str | PathLike[str]) -> dict[str, Path]:
    """Return the file of each band in a folder, by the band's name at the end of the file's.

    Raises:
        InputError: A band has no file, or several.
    """
    root = local_folder(folder)
    files: dict[str, Path] = {}
    for path in sorted(root.glob("*.csv")):
        match = re.search(rf"(?:^|[-_])({'|'.join(BANDS)})$", path.stem.lower())
        if match is None:
            continue
        if match[1] in files:
            raise InputError(f"{path} and {files[match[1]]} are of one band; name one set's folder")
        files[match[1]] = path
    missing = [band for band in BANDS if band not in files]
    if missing:
        raise InputError(
            f"{root} has no time series of {missing}; expected CSVs named ..._<band>.csv"
        )
    return files


def read_series(
    files: Mapping[str, str | PathLike[str]], ids: Collection[str] | None = None
) -> TimeSeries:
    """Read the time series of all bands, joined by id and by the names of years and quarters.

    Args:
        files: File of each band, see `find_series`.
        ids: Which series to keep; all by default. Files are read in pieces, so that memory is that
            of what is kept.

    Returns:
        Values in shape ``(series, 6, 4, 21)``.

    Raises:
        InputError: A band's file is missing or unreadable, a value is not in 0..254, an id occurs
            twice, or the bands hold different ids.
    """
    missing = [band for band in BANDS if band not in files]
    if missing:
        raise InputError(f"time series of {missing} are not named; expected a file for {BANDS}")
    bands = [read_band(local_file(files[band]), ids) for band in BANDS]
    # The published files list their rows in different orders.
    order = bands[0].index
    for name, band in zip(BANDS, bands, strict=True):
        strange = order.symmetric_difference(band.index)
        if len(strange):
            raise InputError(
                f"{files[name]} and {files[BANDS[0]]} differ in {len(strange)} series "
                f"({list(strange[:3])}); expected the same ids in every band: fetch them again"
            )
    stacked = np.stack([band.loc[order].to_numpy() for band in bands], axis=1)
    by_year = stacked.reshape(len(order), len(BANDS), len(YEARS), len(QUARTERS))
    return TimeSeries(tuple(order), np.ascontiguousarray(by_year.swapaxes(2, 3)))


def read_band(path: Path, ids: Collection[str] | None = None) -> pd.DataFrame:
    """Return one band's values in shape ``(series, 84)``, uint8, 255 where missing, by id.

    Raises:
        InputError: As `read_series`.
    """
    wanted = None if ids is None else set(ids)
    parts = []
    for piece in read_pieces(path, ROWS_AT_ONCE, missing=MISSING_TEXT):
        part = checked(path, piece)
        # Left out at once: memory is that of the series that are kept.
        parts.append(part if wanted is None else part[part.index.isin(wanted)])
    parts = [part for part in parts if len(part)]
    band = pd.concat(parts) if parts else pd.DataFrame(columns=list(STEPS), dtype=np.uint8)
    if band.index.has_duplicates:
        double = list(band.index[band.index.duplicated()][:3])
        raise InputError(f"{path}: the series {double} occur twice; expected each id once")
    return band


def checked(path: Path, piece: pd.DataFrame) -> pd.DataFrame:
    """Return a piece's values in shape ``(series, 84)``, uint8, columns as in `STEPS`.

    Raises:
        InputError: Columns are missing or a value is not in 0..254.
    """
    name = next((column for column in ID_COLUMNS if column in piece.columns), None)
    missing = [step for step in STEPS if step not in piece.columns]
    if name is None or missing:
        raise InputError(
            f"{path} is no Landsat time series: id column {name}, missing {missing[:4]}, found "
            f"{list(piece.columns[:4])}; expected {' or '.join(ID_COLUMNS)} and the quarters "
            f"{STEPS[0]}..{STEPS[-1]}"
        )
    try:
        values = piece[list(STEPS)].to_numpy(np.float32)
    except ValueError as e:
        raise InputError(f"{path}: {e}; expected numbers or one of {MISSING_TEXT}") from e
    gap = np.isnan(values)
    bad = ~gap & ~((values >= 0) & (values < MISSING) & (values % 1 == 0))
    if bad.any():
        raise InputError(
            f"{path} holds {values[bad][:3].tolist()}; expected whole numbers 0..{MISSING - 1}, "
            f"{MISSING} being missing here"
        )
    filled = np.where(gap, MISSING, values).astype(np.uint8)
    return pd.DataFrame(filled, identifiers(piece[name]).to_numpy(), list(STEPS))
