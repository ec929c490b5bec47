import json

import numpy as np
import pytest
from scipy.spatial import cKDTree

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import Cube, Variable, declare, write_block
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Extent, Grid, GridSettings
from biomap_xr.habitats.rules.regional import RegionTable
from biomap_xr.habitats.rules.rulebook import Rulebook
from biomap_xr.habitats.rules.settings import RegionSettings
from biomap_xr.programs.masks import MaskReader, check_known, codes_in

SIDE, TILE = 100.0, 10
GRID = Grid.from_settings(
    GridSettings(
        resolution=SIDE,
        tile=TILE * SIDE,
        extent=Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_002_000, y_max=2_802_000),
    )
)
SETTINGS = RegionSettings(snapping_distance=300, coast_depth=450)


@pytest.fixture(scope="module")
def codes():
    """Sea in the west, a strip of land without an ecoregion, then two ecoregions."""
    land = np.ones((20, 20), np.uint8)
    land[:, :4] = 0
    ecoregion = np.full((20, 20), 65_535, np.uint16)
    ecoregion[:, 9:] = 7
    ecoregion[12:, 9:] = 3
    coast = np.full((20, 20), 2, np.uint8)
    return {"land": land, "ecoregion": ecoregion, "coast": coast}


@pytest.fixture(scope="module")
def covariates(codes, tmp_path_factory):
    store = tmp_path_factory.mktemp("masks") / "covariates.zarr"
    fill = {"land": 0, "ecoregion": 65_535, "coast": 255}
    variables = tuple(
        Variable(name, ("y", "x"), values.dtype.name, fill[name], {})
        for name, values in codes.items()
    )
    declare(store, Cube("masks", GRID, variables))
    for name, values in codes.items():
        write_block(store, "masks", name, values, {})
    return Covariates(store, GRID)


@pytest.fixture(scope="module")
def reader(covariates):
    return MaskReader(covariates, ("ecoregion", "coast"), SETTINGS)


def whole(reader, layer):
    """A layer of the map from its four tiles."""
    out = np.zeros(GRID.shape, np.int64)
    for tile in GRID.tiles():
        masks, _ = reader.read(tile)
        out[tile.window.rows, tile.window.columns] = masks[layer]
    return out


def nearest(known, limit):
    """Metres to the nearest known cell, and which one, by a search tree over all of them."""
    places = np.argwhere(known)
    all_cells = np.stack(np.indices(known.shape), -1).reshape(-1, 2)
    away, which = cKDTree(places).query(all_cells)
    return (away * SIDE).reshape(known.shape), places[which]


def test_ecoregions_reach_off_the_coast_without_seams(reader, codes):
    found = whole(reader, "ecoregion")
    away, _ = nearest(codes["ecoregion"] != 65_535, 300)
    assert ((found != 65_535) == (away <= 300)).all()
    assert (found[codes["ecoregion"] == 7] == 7).all()


def test_coasts_end_inland_without_seams(reader, codes):
    found = whole(reader, "coast")
    away, _ = nearest(codes["land"] == 0, 450)
    np.testing.assert_array_equal(found == 2, away <= 450)


def test_without_sea_there_is_no_coast(covariates, tmp_path):
    tile = GRID.tile_at(0, 1)
    dry = MaskReader(covariates, ("coast",), RegionSettings(coast_depth=100))
    masks, placed = dry.read(tile)
    assert not masks["coast"].any()
    assert placed is None


def test_plots_have_the_regions_of_their_cells(reader):
    rows, columns = (each.ravel() for each in np.indices(GRID.shape))
    cells = Cells(np.append(rows, -1), np.append(columns, -1))
    placed = reader.at(cells)
    for layer in ("ecoregion", "coast"):
        np.testing.assert_array_equal(placed[layer].region[:-1], whole(reader, layer).ravel())
    assert placed["ecoregion"].region[-1] == 65_535
    # Eleven columns of twenty cells lie inside; three columns are at most 300 m off.
    assert (placed["ecoregion"].inside, placed["ecoregion"].moved) == (220, 60)
    assert placed["ecoregion"].lost == 400 - 280 + 1
    assert placed["coast"].lost == 1 + (whole(reader, "coast") == 0).sum()


def test_codes_are_counted_once(covariates, tmp_path):
    record = tmp_path / "codes.json"
    tiles = tuple(GRID.tiles())
    counted = codes_in(covariates, ("ecoregion",), tiles, record, "ab")
    assert counted["ecoregion"] == {65_535: 180, 7: 132, 3: 88}
    kept = json.loads(record.read_text())
    kept["codes"]["ecoregion"] = {"5": 1}
    record.write_text(json.dumps(kept))
    assert codes_in(covariates, ("ecoregion",), tiles, record, "ab")["ecoregion"] == {5: 1}
    assert codes_in(covariates, ("ecoregion",), tiles, record, "cd") == counted


def test_unknown_codes_are_listed_with_their_cells():
    table = RegionTable(
        "ecoregion", ("T17",), np.array([7]), np.ones((1, 1), bool), frozenset({65_535})
    )
    rules = Rulebook({"T": table}, None)
    check_known(rules, {"ecoregion": {7: 10, 65_535: 3}})
    with pytest.raises(InputError, match=r"masks/ecoregion has the codes 3 \(88 cells\)"):
        check_known(rules, {"ecoregion": {7: 10, 3: 88}})
    lenient = RegionTable("ecoregion", ("T17",), np.array([7]), np.ones((1, 1), bool), None)
    check_known(Rulebook({"T": lenient}, None), {"ecoregion": {3: 88}})
