"""Sites: grid cells x species, 1 where a species was seen (paper 1, section 3, "Dataset")."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations.background import Land, draw_cells, target_members
from biomap_xr.observations.occurrences import NAMES, gather
from biomap_xr.observations.report import Report, listed
from biomap_xr.observations.settings import BackgroundSettings, ObservationSettings


@dataclass(frozen=True, eq=False)
class Sites:
    """Places where species were looked for, and what was found: n sites, s species."""

    cells: Cells
    """Grid cell of each site, arrays of shape ``(n,)``."""
    year: NDArray[np.int16]
    """Year of the site's latest survey, or record where it has no survey; 0 unknown; ``(n,)``."""
    day: NDArray[np.int16]
    """Day of that year, 1 to 366; 0 unknown; ``(n,)``."""
    survey_id: NDArray[np.object_]
    """Id of that same survey or record, as text; "" where it has none; ``(n,)``."""
    patch_id: NDArray[np.object_]
    """Name of its image patch; "" where it has none; ``(n,)``."""
    time_series_id: NDArray[np.object_]
    """Name of its time series; "" where it has none; ``(n,)``."""
    surveyed: NDArray[np.bool_]
    """Sites with at least one survey, whose absences were seen; ``(n,)``."""
    background: NDArray[np.bool_]
    """Sites drawn at random, without any observation; ``(n,)``."""
    presence: csr_array
    """1 where a species was seen by anybody, uint8, ``(n, s)``."""
    survey_presence: csr_array
    """1 where a survey found it, uint8, ``(n, s)``: scores use surveys alone."""
    species: pd.DataFrame
    """One species a row, in the order of the columns of ``presence``: species_id, species,
    traits."""

    def __post_init__(self) -> None:
        shapes = {field.name: _length(getattr(self, field.name)) for field in fields(self)}
        species = shapes.pop("species")
        if len(set(shapes.values())) > 1:
            raise InputError(
                f"sites have fields of different lengths {shapes}; expected one length"
            )
        widths = {self.presence.shape[1], self.survey_presence.shape[1], species}
        if len(widths) > 1:
            raise InputError(
                f"presence is {self.presence.shape} and survey_presence "
                f"{self.survey_presence.shape} for a table of {species} species; expected one "
                "column a species"
            )

    def __len__(self) -> int:
        return len(self.year)

    def select(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Sites":
        """Return the sites of an index or mask, shape ``(k,)`` or ``(n,)``, in its order."""
        chosen = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "species"
        }
        return replace(self, **chosen)

    def select_species(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> "Sites":
        """Return all sites with the species of an index or mask, shape ``(k,)`` or ``(s,)``."""
        return replace(
            self,
            presence=self.presence[:, index],
            survey_presence=self.survey_presence[:, index],
            species=self.species.iloc[index].reset_index(drop=True),
        )

    def surveys(self) -> "Sites":
        """Return the surveyed sites with what surveys found there, for scores."""
        # Presence-only records show where people look; a score must not reward guessing that.
        surveyed = self.select(self.surveyed)
        return replace(surveyed, presence=surveyed.survey_presence)

    def merge(self, other: "Sites") -> "Sites":
        """Join with sites of the same species table; sites of one cell become one.

        Raises:
            InputError: The species tables differ.
        """
        _check_same_species(self.species, other.species)
        both = _stacked(self, other)
        keys = pd.DataFrame({"row": both.cells.row, "column": both.cells.column})
        site = keys.groupby(["row", "column"]).ngroup().to_numpy().astype(np.int64)
        names = [getattr(both, name) for name in NAMES]
        latest = _latest(site, both.surveyed, (both.year, both.day, *names))
        sites, rows = site.max(initial=-1) + 1, np.arange(len(site))
        group = csr_array((np.ones(len(site), np.int64), (site, rows)), shape=(sites, len(site)))
        merged = both.select(latest)
        # A cell that was drawn at random and observed, too, was observed.
        return replace(
            merged,
            background=np.asarray(group @ ~both.background == 0),
            presence=_binary(group @ both.presence),
            survey_presence=_binary(group @ both.survey_presence),
        )


def build_sites(
    frames: Sequence[pd.DataFrame],
    settings: ObservationSettings,
    grid: Grid,
    land: Land | None = None,
) -> tuple[Sites, Report]:
    """Make sites of the rows of all tables (paper 1, section 3, "Dataset").

    Surveys and records are aggregated into one occupancy data set, 1 or 0 per cell and species;
    only cells with a record of the target group count as background for the other species. Absences
    are zeros: seen ones where ``surveyed``, supposed ones elsewhere. A species that turns out
    too rare is no column, yet its records still make background: somebody looked there.

    Args:
        frames: Rows of each of ``settings.tables``, in their order, with canonical columns.
        settings: Filters, identity, aggregation, background.
        grid: Cells outside it are left out and counted.
        land: Says which cells are land; needed for random background alone.

    Raises:
        InputError: A table, the species file or the background does not fit (see the modules).
    """
    occurrences, species, tables = gather(frames, settings, grid)
    member = target_members(species, settings.background)
    makes_site = (
        occurrences["surveyed"].to_numpy() | np.append(member, False)[occurrences["species"]]
    )
    # Index -1, a row without a species, reads the appended False.
    site = _site_of(occurrences, settings)
    kept = np.bincount(site, weights=makes_site) > 0
    rows = occurrences[kept[site]]
    sites = _assembled(rows, _site_of(rows, settings), species)
    frequent = _frequent(rows, sites, settings)
    sites = sites.select_species(frequent)
    drawn = draw_cells(settings.background, grid, sites.cells, land)
    sites = _with_background(sites, drawn, settings.background)
    report = Report(
        tables=tables,
        occurrences=len(occurrences),
        repeated=_repeated(rows, site[kept[site]]),
        other_group_cells=int((~kept).sum()),
        rare_species=int((~frequent).sum()),
        sites=len(sites),
        surveyed=int(sites.surveyed.sum()),
        background=len(drawn),
        species=len(sites.species),
        presences=sites.presence.nnz,
    )
    return sites, report


def _site_of(rows: pd.DataFrame, settings: ObservationSettings) -> NDArray[np.int64]:
    """Return the number of each occurrence's site, from the north-west, shape ``(rows,)``."""
    keys = [rows["row"], rows["column"]]
    if settings.aggregate == "survey":
        # Records have ids, too, but one person's record is no site: those of a cell are one.
        keys.append(rows["survey_id"].where(rows["surveyed"], "").astype("str"))
        keys.append(rows["surveyed"])
    return rows.groupby(keys, sort=True).ngroup().to_numpy().astype(np.int64)


def _assembled(rows: pd.DataFrame, site: NDArray[np.int64], species: pd.DataFrame) -> Sites:
    """Return the sites of occurrences whose site numbers, shape ``(rows,)``, are given."""
    surveyed, index = rows["surveyed"].to_numpy(), rows["species"].to_numpy()
    dates = tuple(rows[name].to_numpy() for name in ("year", "day", *NAMES))
    latest = _latest(site, surveyed, dates)
    shape = (len(latest), len(species))
    return Sites(
        cells=Cells(rows["row"].to_numpy()[latest], rows["column"].to_numpy()[latest]),
        year=dates[0][latest],
        day=dates[1][latest],
        **{name: rows[name].to_numpy()[latest] for name in NAMES},
        surveyed=surveyed[latest],
        background=np.zeros(len(latest), bool),
        presence=_matrix(site, index, shape),
        survey_presence=_matrix(site[surveyed], index[surveyed], shape),
        species=species,
    )


def _latest(
    site: NDArray[np.int64], surveyed: NDArray[np.bool_], dates: tuple[NDArray[Any], ...]
) -> NDArray[np.int64]:
    """Return the row that speaks for each site: surveys first, then the latest, shape ``(sites,)``.

    Args:
        site: Site of each row, shape ``(rows,)``.
        surveyed: Rows of surveys, shape ``(rows,)``.
        dates: Year, day and `NAMES` of each row, each of shape ``(rows,)``.
    """
    year, day = (-values.astype(np.int64) for values in dates[:2])
    # Ties go to the first name in the alphabet, so that the order of rows does not matter.
    names = [pd.Series(text, dtype="string").factorize(sort=True)[0] for text in dates[:1:-1]]
    order = np.lexsort((*names, day, year, ~surveyed, site))
    first: NDArray[np.int64] = order[np.unique(site[order], return_index=True)[1]]
    return first


def _frequent(rows: pd.DataFrame, sites: Sites, settings: ObservationSettings) -> NDArray[np.bool_]:
    """Return which species have surveys and sites enough, shape ``(species,)``."""
    # Plots are counted, not cells: ten plots in one cell are ten times the evidence.
    found = rows.loc[rows["surveyed"] & (rows["species"] >= 0), ["species", "survey_id"]]
    surveys = np.bincount(found.drop_duplicates()["species"], minlength=len(sites.species))
    cells = np.bincount(sites.presence.indices, minlength=len(sites.species))
    return (surveys >= settings.minimum_surveys) & (cells >= settings.minimum_cells)


def _with_background(sites: Sites, drawn: Cells, settings: BackgroundSettings) -> Sites:
    """Add sites without a presence, dated like the others: no date may give the background away."""
    count = len(drawn)
    if not count:
        return sites
    # A stream of its own, so that dates do not move with the number of cells drawn in vain.
    random = np.random.default_rng([settings.seed, 1])
    like = random.integers(0, len(sites), count) if len(sites) else np.zeros(0, np.int64)
    absent = csr_array((count, len(sites.species)), dtype=np.uint8)
    empty = Sites(
        cells=drawn,
        year=sites.year[like] if len(sites) else np.zeros(count, np.int16),
        day=sites.day[like] if len(sites) else np.zeros(count, np.int16),
        **{name: np.full(count, "", object) for name in NAMES},
        surveyed=np.zeros(count, bool),
        background=np.ones(count, bool),
        presence=absent,
        survey_presence=absent,
        species=sites.species,
    )
    return _stacked(sites, empty)


def _repeated(rows: pd.DataFrame, site: NDArray[np.int64]) -> int:
    """Return how many rows say again that a species is in a site; ``site`` is ``(rows,)``."""
    pairs = pd.DataFrame({"site": site, "species": rows["species"].to_numpy()})
    return int(pairs[pairs["species"] >= 0].duplicated().sum())


def _stacked(first: Sites, second: Sites) -> Sites:
    """Return the sites of both, one after the other: n + m sites of the first's species."""
    return Sites(
        cells=Cells(
            np.concatenate([first.cells.row, second.cells.row]),
            np.concatenate([first.cells.column, second.cells.column]),
        ),
        year=np.concatenate([first.year, second.year]),
        day=np.concatenate([first.day, second.day]),
        **{n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in NAMES},
        surveyed=np.concatenate([first.surveyed, second.surveyed]),
        background=np.concatenate([first.background, second.background]),
        presence=csr_array(vstack([first.presence, second.presence])),
        survey_presence=csr_array(vstack([first.survey_presence, second.survey_presence])),
        species=first.species,
    )


def _matrix(
    site: NDArray[np.int64], species: NDArray[np.int64], shape: tuple[int, int]
) -> csr_array:
    known = species >= 0
    # Counts in int64 first: 256 repeats of one presence would be 0 in uint8.
    ones = np.ones(int(known.sum()), np.int64)
    return _binary(csr_array((ones, (site[known], species[known])), shape=shape))


def _binary(counts: csr_array) -> csr_array:
    """Return 1 for every stored count above 0, uint8, with sorted indices."""
    # Selecting columns leaves explicit zeros and unsorted indices behind; nnz has to count
    # presences.
    matrix = csr_array(counts)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.data = np.ones(matrix.nnz, np.uint8)
    return matrix


def _length(field: object) -> int:
    return field.shape[0] if isinstance(field, csr_array) else len(field)  # type: ignore[arg-type]


def _check_same_species(first: pd.DataFrame, second: pd.DataFrame) -> None:
    columns = ["species_id", "species"]
    if first[columns].equals(second[columns]):
        return
    names = set(first["species"]) ^ set(second["species"])
    raise InputError(
        f"sites of {len(first)} and {len(second)} species cannot be merged, their species tables "
        f"differ ({listed(names) or 'in order or ids'}); build both with the same species file"
    )
