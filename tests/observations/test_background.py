import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells
from biomap_xr.observations.background import draw_cells, land_of, target_members
from biomap_xr.observations.settings import BackgroundSettings

SPECIES = pd.DataFrame(
    {
        "species_id": [4, 9, 12],
        "species": ["Orchis mascula", "Ajuga iva", "Ophrys apifera"],
        "family": ["Orchidaceae", "Lamiaceae", "orchidaceae "],
    }
)
NOWHERE = Cells(np.zeros(0, np.int64), np.zeros(0, np.int64))


def members(**group):
    group = {"name": "orchids", **group}
    return target_members(SPECIES, BackgroundSettings(target_group=group)).tolist()


def test_all_species_are_the_target_group_by_default():
    assert target_members(SPECIES, BackgroundSettings()).all()


def test_a_group_by_trait_and_by_list_of_names_or_ids():
    assert members(trait="family", values=["Orchidaceae"]) == [True, False, True]
    assert members(species=["orchis  mascula", "9"]) == [True, True, False]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"trait": "order", "values": ["a"]}, "no trait 'order', only"),
        (
            {"trait": "family", "values": ["Poaceae"]},
            r"none of 3 species has 'family' among \['Poaceae'\]",
        ),
        ({"species": ["Poa annua", "4"]}, "species poa annua are not among the 3"),
    ],
)
def test_a_group_that_is_not_there_is_named(group, message):
    with pytest.raises(InputError, match=message):
        members(**group)


def test_random_cells_are_free_land_each_once_and_seeded(grid):
    mask = np.zeros(grid.shape, bool)
    mask[100:110, 200:230] = True
    taken = Cells(np.full(30, 105), np.arange(200, 230))
    settings = BackgroundSettings(random_cells=200, seed=5)
    drawn = draw_cells(settings, grid, taken, land_of(mask))
    assert mask[drawn.row, drawn.column].all()
    assert (drawn.row != 105).all()
    assert len(set(zip(drawn.row, drawn.column, strict=True))) == 200
    again = draw_cells(settings, grid, taken, land_of(mask))
    assert (drawn.row == again.row).all()
    assert (drawn.column == again.column).all()


def test_random_cells_are_spread_evenly(grid):
    everywhere = np.ones(grid.shape, bool)
    drawn = draw_cells(BackgroundSettings(random_cells=5_000), grid, NOWHERE, land_of(everywhere))
    # Mean of 5,000 uniform rows of 500: standard error 2.04.
    assert abs(drawn.row.mean() - 249.5) < 8
    assert abs(drawn.column.mean() - 249.5) < 8


def test_too_little_land_and_no_mask_are_errors(grid):
    mask = np.zeros(grid.shape, bool)
    mask[:20, :20] = True
    with pytest.raises(InputError, match=r"only \d+ of 500 random background cells"):
        draw_cells(BackgroundSettings(random_cells=500), grid, NOWHERE, land_of(mask))
    with pytest.raises(InputError, match="3 random background cells are wanted and no land mask"):
        draw_cells(BackgroundSettings(random_cells=3), grid, NOWHERE, None)
