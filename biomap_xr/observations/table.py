"""The species table: which species there are, and which row is which species."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.observations.report import listed
from biomap_xr.observations.settings import ObservationSettings, SpeciesFile, Table
from biomap_xr.sources.tables import read_table

UNIDENTIFIED = -1
"""Index of a row that names no species."""
UNLISTED = -2
"""Index of a row whose species the species file does not have."""
SAME_PLACE = 1e-5
"""Degrees, about 1 m: coordinates of one survey may differ by rounding, as float32 files do."""


def check_species_lists(settings: ObservationSettings) -> None:
    """Refuse to merge ids of different species lists.

    Raises:
        InputError: Species are told apart by id, and two tables (or the species file) do not name
            the same list; or by list, and a table names none, or there is a species file.
    """
    if settings.identity == "name":
        return
    if settings.identity == "list":
        _check_every_list(settings)
        return
    sources = [(str(table.path), table.species_list) for table in settings.tables]
    if settings.species:
        sources.append((str(settings.species.path), settings.species.species_list))
    lists = {name for _, name in sources}
    # Two tables that name no list may well use the same numbers for other species.
    if len(sources) > 1 and (len(lists) > 1 or None in lists):
        named = ", ".join(f"{path}: {name or 'none named'}" for path, name in sources)
        raise InputError(
            f"species ids of different lists would be merged ({named}); expected one species_list "
            "for all tables and the species file: name it where the ids are the same, or use "
            "identity: name, or separate recipes"
        )


def _check_every_list(settings: ObservationSettings) -> None:
    unnamed = [str(table.path) for table in settings.tables if table.species_list is None]
    if unnamed or settings.species:
        raise InputError(
            f"identity: list with {len(unnamed)} tables that name no species_list ({unnamed[:3]}) "
            f"and {'a' if settings.species else 'no'} species file; expected a list for every "
            "table and no file, which is of one list alone: name the lists, or use identity: id"
        )


def named_by_list(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return rows ``(rows, columns)`` whose species are named by their list and id.

    >>> rows = pd.DataFrame({"species_id": pd.array([7, None], "Int64")})
    >>> named = named_by_list(rows, Table(path="a.csv", kind="record", species_list="geoplant"))
    >>> named["species"].tolist()
    ['geoplant:7', <NA>]
    """
    return frame.assign(species=f"{table.species_list}:" + frame["species_id"].astype("string"))


def read_species(file: SpeciesFile) -> pd.DataFrame:
    """Read a species file: dims ``(species, columns)`` with species_id, species, then its traits.

    Raises:
        InputError: The file is missing, lacks a column, or an id or name is empty or repeated.
    """
    frame = read_table(file.path)
    missing = [name for name in (file.id_column, file.name_column) if name not in frame]
    if missing:
        raise InputError(
            f"species file {file.path} has no column {missing}, only {list(frame.columns)}; set "
            "id_column and name_column"
        )
    frame = frame.rename(columns={file.id_column: "species_id", file.name_column: "species"})
    traits = [name for name in frame if name not in ("species_id", "species")]
    return _checked(frame[["species_id", "species", *traits]], f"species file {file.path}")


def species_table(frames: list[pd.DataFrame], settings: ObservationSettings) -> pd.DataFrame:
    """Return every species that may be modelled ``(species, columns)``, as `read_species` does.

    With a species file, its rows in its order. Otherwise the species of the records: by id in the
    order of the ids (a species without a name is named by its id), by name in alphabetical order,
    numbered from 0, since ids of several lists mean nothing together. Those told apart by list are
    named by `named_by_list` before.

    Raises:
        InputError: The lists differ, or one id has several names or one name several ids.
    """
    check_species_lists(settings)
    if settings.species:
        return read_species(settings.species)
    # Millions of rows name some thousand species: each name is spelled once.
    pairs = [frame[["species_id", "species"]].drop_duplicates() for frame in frames]
    rows = pd.concat(pairs, ignore_index=True)
    rows = rows.assign(species=_spelled(rows["species"]))
    return _by_id(rows) if settings.identity == "id" else _by_name(rows)


def species_index(
    frame: pd.DataFrame, table: Table, species: pd.DataFrame, settings: ObservationSettings
) -> NDArray[np.int64]:
    """Return the row of ``species`` that each row of ``frame`` means, shape ``(rows,)``.

    `UNIDENTIFIED` where the row names no species, `UNLISTED` where the species file lacks it.

    Raises:
        InputError: A species is not in the species file, and the recipe does not drop such.
    """
    if settings.identity == "id":
        keys = frame["species_id"].astype("Int64")
        index = pd.Index(species["species_id"].astype("Int64")).get_indexer(pd.Index(keys))
    else:
        keys = _key(_names(frame, table, species, settings))
        index = pd.Index(_key(species["species"])).get_indexer(pd.Index(keys))
    known = keys.notna().to_numpy(bool)
    unlisted = known & (index < 0)
    if unlisted.any() and settings.species and settings.species.unknown == "error":
        raise InputError(
            f"{table.path}: species {listed(keys[unlisted])} are not in the species file "
            f"{settings.species.path}, which has {len(species)}; add them, or set its unknown: drop"
        )
    return np.where(known, np.where(index < 0, UNLISTED, index), UNIDENTIFIED).astype(np.int64)


def check_surveys(surveys: pd.DataFrame, settings: ObservationSettings) -> None:
    """Refuse one survey id at several places or dates; repeated rows that agree are fine.

    Args:
        surveys: The rows of all survey tables, with survey_id, longitude, latitude, year and day.
        settings: Says whether such surveys are an error or kept as they are.

    Raises:
        InputError: A survey has no id, or one id disagrees with itself.
    """
    identifiers = surveys["survey_id"].astype("string").fillna("")
    unnamed = int((identifiers == "").sum())
    if unnamed:
        raise InputError(
            f"{unnamed} of {len(surveys)} survey rows have an empty survey_id; expected one for "
            "each: without it their absences are not known, so read the table as kind: record"
        )
    if settings.disagreeing_surveys == "keep" or surveys.empty:
        return
    # An unknown date beside a known one is a disagreement, too: 0 stands for it.
    columns = surveys[["longitude", "latitude", "year", "day"]].astype("Float64").fillna(0.0)
    groups = columns.astype(np.float64).groupby(identifiers.to_numpy(object))
    spread = groups.max() - groups.min()
    moved = (spread[["longitude", "latitude"]] > SAME_PLACE).any(axis=1)
    disagreeing = spread.index[moved | (spread[["year", "day"]] > 0).any(axis=1)]
    if len(disagreeing):
        raise InputError(
            f"{len(disagreeing)} survey ids stand for several places or dates: "
            f"{listed(disagreeing)}; expected one of each: correct the table, or set "
            "disagreeing_surveys: keep to take each row where it says"
        )


def _by_id(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.dropna(subset="species_id").drop_duplicates()
    named = rows.dropna(subset="species").drop_duplicates("species_id", keep="first")
    several = rows.dropna(subset="species")["species_id"].duplicated(keep=False)
    if several.any():
        ambiguous = rows.dropna(subset="species")[several]
        raise InputError(
            f"species ids {listed(ambiguous['species_id'])} have several names each: "
            f"{listed(ambiguous['species'])}; expected one: give a species file, or use identity: "
            "name"
        )
    ids = pd.DataFrame({"species_id": np.unique(rows["species_id"].to_numpy(np.int64))})
    names = named.set_index(named["species_id"].astype(np.int64))["species"]
    name = ids["species_id"].map(names).astype("string").fillna(ids["species_id"].astype("string"))
    return _checked(ids.assign(species=name), "the table of observed species")


def _by_name(rows: pd.DataFrame) -> pd.DataFrame:
    # Sorted first, so that of several spellings the same one is shown whatever the order of rows.
    names = rows["species"].dropna().drop_duplicates().sort_values()
    names = names[~_key(names).duplicated()].reset_index(drop=True)
    return pd.DataFrame(
        {"species_id": np.arange(len(names), dtype=np.int64), "species": names.astype("str")}
    )


def _names(
    frame: pd.DataFrame, table: Table, species: pd.DataFrame, settings: ObservationSettings
) -> pd.Series:
    """Return the name of each row's species; from the species file where it shares the list."""
    names = _spelled(frame["species"])
    file = settings.species
    if file and file.species_list and file.species_list == table.species_list:
        listed_names = species.set_index("species_id")["species"]
        names = names.fillna(frame["species_id"].map(listed_names).astype("string"))
    # One row without a name is unidentified; a table of them was read by the wrong identity.
    if len(names) and names.isna().all():
        raise InputError(
            f"{table.path}: none of {len(names)} rows has a species name, which identity: name "
            "needs; give a species file of the same species_list, or use identity: id"
        )
    return names


def _checked(species: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the table with whole ids and spelled names, or name those that are empty or twice."""
    ids = pd.to_numeric(species["species_id"], errors="coerce")
    whole = ids.notna() & (ids % 1 == 0)
    if not whole.all():
        raise InputError(
            f"{source}: ids {listed(species.loc[~whole, 'species_id'])} are no whole numbers; "
            "expected one integer a species"
        )
    # The name is what maps, legends and trait lists know a species by, so it may not be missing.
    names = _spelled(species["species"])
    if names.isna().any():
        raise InputError(
            f"{source}: ids {listed(ids[names.isna()])} have no name; expected one a species"
        )
    for column, keys in (("species_id", ids), ("species", _key(names))):
        twice = keys.duplicated(keep=False)
        if twice.any():
            raise InputError(
                f"{source}: {column} {listed(species.loc[twice, column])} stand in several rows; "
                "expected each once: remove the repeated rows"
            )
    whole_ids = ids.astype(np.int64).to_numpy()
    return species.assign(species_id=whole_ids, species=names.astype("str")).reset_index(drop=True)


def _spelled(names: pd.Series) -> pd.Series:
    """Return names with single spaces and none around; NA where empty."""
    text = names.astype("string").str.strip().str.replace(r"\s+", " ", regex=True)
    return text.mask(text == "")


def _key(names: pd.Series) -> pd.Series:
    return names.astype("string").str.casefold()
