"""Reading the tables that a recipe names."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from biomap_xr.grid import Grid
from biomap_xr.observations.background import Land
from biomap_xr.observations.report import Report
from biomap_xr.observations.settings import ObservationSettings, Table
from biomap_xr.observations.sites import Sites, build_sites
from biomap_xr.observations.table import check_species_lists
from biomap_xr.sources.darwin_core import read_occurrences
from biomap_xr.sources.geoplant.metadata import read_metadata
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.tables import columns_of

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "geoplant": read_metadata,
    "darwin_core": read_occurrences,
}
"""Canonical rows of a file, by the name of its format."""
DARWIN_CORE = "decimallongitude"
"""A term that every Darwin Core table has and no other."""


def observe(
    settings: ObservationSettings, grid: Grid, land: Land | None = None
) -> tuple[Sites, Report]:
    """Read a recipe's tables and make sites of them (see `biomap_xr.observations.sites`).

    Raises:
        InputError: A file cannot be read, or does not fit the recipe or the others.
    """
    # Said before millions of rows are read for nothing.
    check_species_lists(settings)
    return build_sites([read_rows(table) for table in settings.tables], settings, grid, land)


def read_rows(table: Table) -> pd.DataFrame:
    """Return a table's rows with the canonical columns ``(rows, columns)``, unfiltered.

    Raises:
        InputError: The file cannot be read as its format.
    """
    named = format_of(table.path) if table.format == "auto" else table.format
    return READERS[named](table.path)


def format_of(path: Path) -> str:
    """Tell Darwin Core from GeoPlant by the header.

    Raises:
        InputError: The file is missing, empty or no table.
    """
    names = {name.casefold().strip() for name in columns_of(local_file(path))}
    return "darwin_core" if DARWIN_CORE in names else "geoplant"
