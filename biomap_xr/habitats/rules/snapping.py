"""Regions of plots and cells, where those just off the coast join the nearest region.

Coasts of maps differ by hundreds of metres, and a tenth of the vegetation plots of Europe lie
outside of every ecoregion's polygon.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from biomap_xr.errors import InputError
from biomap_xr.sources.tables import read_table
from biomap_xr.sources.vector import (
    SUFFIXES,
    describe_layer,
)


@dataclass(frozen=True, eq=False)
class Placed:
    """The region of each point or cell, and how far away that is."""

    region: NDArray[np.int64]
    """(...) codes; the code for missing where none is near enough."""
    distance: NDArray[np.float64]
    """(...) metres to the region: 0 inside of it, NaN where none is near enough."""

    @property
    def inside(self) -> int:
        """How many lie in their region."""
        return int((self.distance == 0).sum())

    @property
    def moved(self) -> int:
        """How many joined the nearest region."""
        return int((self.distance > 0).sum())

    @property
    def lost(self) -> int:
        """How many have none near enough."""
        return int(np.isnan(self.distance).sum())

    def __str__(self) -> str:
        farthest = np.nanmax(self.distance, initial=0.0)
        return (
            f"{self.inside} inside their region, {self.moved} joined the nearest one "
            f"(at most {farthest:.0f} m away), {self.lost} have none"
        )


def place_cells(
    codes: NDArray[Any], missing: Collection[int], resolution: float, distance: float
) -> Placed:
    """Return the region of each cell, or else the nearest cell's that has one.

    Args:
        codes: ``(y, x)`` of a layer.
        missing: Codes that mean that there is none.
        resolution: Metres of a cell's side.
        distance: Metres, between centres, within which a cell joins the nearest region; of two
            equally near ones the smaller code.

    Returns:
        ``(y, x)`` regions and distances; cells that are too far off keep their code.

    >>> place_cells(np.array([[7, 0, 0]]), {0}, 100.0, 100.0).region.tolist()
    [[7, 7, 0]]
    """
    empty = np.isin(codes, list(missing))
    region, away = codes.astype(np.int64), np.where(empty, np.inf, 0.0)
    if not empty.any():
        return Placed(region, away)
    # A code at a time, the smaller one first: which of two equally near cells one transform of all
    # of them picks depends on the window, and neighbouring tiles would not agree.
    for code in np.unique(codes[~empty]):
        metres = distance_transform_edt(codes != code, sampling=resolution)
        nearer = (metres < away) & (metres <= distance)
        region[nearer], away[nearer] = int(code), metres[nearer]
    return Placed(region, np.where(np.isinf(away), np.nan, away))


def read_region_codes(path: str | PathLike[str], name: str, code: str) -> Mapping[str, int]:
    """Read the code on the map of each region's name.

    Args:
        path: A table, or a layer of polygons with these attributes.
        name: Column of names, as the table of counts has them.
        code: Column of codes, as the map has them.

    Raises:
        InputError: The file or a column is missing, or a name has several codes.
    """
    # A region of several islands has several polygons of one code.
    found = _attributes(path, name, code).dropna().drop_duplicates()
    twice = found[found[name].duplicated(keep=False)]
    if len(twice):
        raise InputError(
            f"{path}: region {twice[name].iloc[0]!r} has the codes {list(twice[code])[:5]}; "
            "expected one each"
        )
    return dict(zip(found[name].astype(str), found[code].astype(int), strict=True))


def _attributes(path: str | PathLike[str], name: str, code: str) -> pd.DataFrame:
    if Path(path).suffix.lower() not in SUFFIXES:
        return read_table(path, required=(name, code))[[name, code]]
    layer = describe_layer(path)
    missing = [column for column in (name, code) if column not in layer.columns]
    if missing:
        raise InputError(f"{path} has no column {missing}, only {list(layer.columns)}")
    return pyogrio.read_dataframe(
        layer.path, layer=layer.name, columns=[name, code], read_geometry=False
    )
