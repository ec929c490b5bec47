"""Where nobody said that a species is absent, and it is taken to be: the background."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations.report import listed
from biomap_xr.observations.settings import BackgroundSettings, TargetGroup

Land = Callable[[Cells], NDArray[np.bool_]]
"""Says which cells are land, shape ``(cells,)``."""

PATIENCE = 1000
"""Cells drawn in vain for each cell wanted before a drawing gives up."""


def land_of(mask: NDArray[np.bool_]) -> Land:
    """Ask a land mask ``(y, x)`` of the whole grid; larger grids look their cells up themselves.

    >>> land_of(np.array([[True, False]]))(Cells(np.array([0, 0]), np.array([1, 0])))
    array([False,  True])
    """
    return lambda cells: mask[cells.row, cells.column]


def target_members(species: pd.DataFrame, settings: BackgroundSettings) -> NDArray[np.bool_]:
    """Return which species belong to the target group (Phillips et al. 2009), shape ``(species,)``.

    >>> table = pd.DataFrame({"species_id": [4, 9], "species": ["Orchis mascula", "Ajuga iva"]})
    >>> group = TargetGroup(name="orchids", species=("Orchis mascula",))
    >>> target_members(table, BackgroundSettings(target_group=group))
    array([ True, False])

    Raises:
        InputError: The trait is not in the species table, a listed species is not, or none belongs.
    """
    group = settings.target_group
    # Paper 1 makes every recorded plant the group: what is reported tells where people looked.
    if not isinstance(group, TargetGroup):
        return np.ones(len(species), bool)
    members = _by_species(species, group) if group.trait is None else _by_trait(species, group)
    if not members.any():
        raise InputError(
            f"target group {group.name!r}: none of {len(species)} species has {group.trait!r} "
            f"among {list(group.values)}; expected at least one: correct the values"
        )
    return members


def draw_cells(settings: BackgroundSettings, grid: Grid, taken: Cells, land: Land | None) -> Cells:
    """Draw cells on land, shape ``(random_cells,)``, none ``taken`` or twice, as the seed says.

    Raises:
        InputError: There is no land mask, or too little free land.
    """
    if not settings.random_cells:
        return Cells(np.zeros(0, np.int64), np.zeros(0, np.int64))
    if land is None:
        raise InputError(
            f"{settings.random_cells} random background cells are wanted and no land mask is "
            "given; give the recipe a land mask, or set random_cells: 0"
        )
    random = np.random.default_rng(settings.seed)
    columns = grid.shape[1]
    used, drawn = np.unique(taken.row * columns + taken.column), np.zeros(0, np.int64)
    # Cells are drawn and refused: a list of all land cells of Europe would not fit into memory.
    for _ in range(PATIENCE):
        flat = random.integers(0, grid.shape[0] * columns, 2 * settings.random_cells)
        # A cell with an observation is no background, whatever was seen there.
        fresh = flat[~np.isin(flat, used)]
        fresh = fresh[land(Cells(fresh // columns, fresh % columns))]
        drawn = _in_order_drawn(np.concatenate([drawn, fresh]))[: settings.random_cells]
        if len(drawn) == settings.random_cells:
            return Cells(drawn // columns, drawn % columns)
    raise InputError(
        f"only {len(drawn)} of {settings.random_cells} random background cells were found on free "
        "land; set fewer random_cells, or check the land mask"
    )


def _by_trait(species: pd.DataFrame, group: TargetGroup) -> NDArray[np.bool_]:
    if group.trait not in species:
        raise InputError(
            f"target group {group.name!r}: the species table has no trait {group.trait!r}, only "
            f"{list(species.columns)}; name a column of the species file"
        )
    values = [value.strip().casefold() for value in group.values]
    text = species[group.trait].astype("string").str.strip().str.casefold()
    return text.isin(values).to_numpy(bool)


def _by_species(species: pd.DataFrame, group: TargetGroup) -> NDArray[np.bool_]:
    wanted = pd.Series(
        [" ".join(text.split()).casefold() for text in group.species], dtype="string"
    )
    ids, names = species["species_id"].astype("string"), species["species"].astype("string")
    names = names.str.casefold()
    absent = wanted[~(wanted.isin(ids) | wanted.isin(names))]
    if len(absent):
        raise InputError(
            f"target group {group.name!r}: species {listed(absent)} are not among the "
            f"{len(species)} species of the table; correct their names or ids"
        )
    return (ids.isin(wanted) | names.isin(wanted)).to_numpy(bool)


def _in_order_drawn(flat: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each cell once, in the order of its first drawing, so that more cells extend fewer."""
    _, first = np.unique(flat, return_index=True)
    return flat[np.sort(first)]
