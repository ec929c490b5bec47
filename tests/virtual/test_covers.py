from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray

from biomap_xr.covariates.masks import read_masks
from biomap_xr.covariates.settings import MaskSettings
from biomap_xr.virtual import Simulated, Truth
from biomap_xr.virtual.corine import COVERS
from biomap_xr.virtual.covers import CITY, INDUSTRY, covers_at
from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Lattice
from biomap_xr.virtual.formations import EVERY_HABITAT
from biomap_xr.virtual.habitats import NO_HABITAT
from biomap_xr.virtual.landcover import LAKE, SEA


def test_nearly_all_of_a_habitat_is_where_the_crosswalk_allows_it(
    everything: Simulated, all_formations: Truth
) -> None:
    habitat = all_formations.open()["habitat"].to_numpy()
    with rasterio.open(everything.land_cover) as file:
        cover = file.read(1)
        assert file.res == (25.0, 25.0)
    right, cells = 0.0, 0
    for one in EVERY_HABITAT:
        mine = cover[habitat == one.number]
        lines = [line for line in COVERS if line.classes]
        allowing = [each for each in lines if one.code.startswith(tuple(each.classes.split(",")))]
        allowed = np.isin(mine, [line.code for line in allowing])
        # A few stands are mapped wrong; those of a small habitat may be many of its own.
        assert len(mine) < 150 or allowed.mean() >= 0.85, one.code
        right, cells = right + allowed.sum(), cells + len(mine)
    assert 0.9 < right / cells < 0.999


def test_water_is_water(everything: Simulated, all_formations: Truth) -> None:
    with rasterio.open(everything.land_cover) as file:
        cover = file.read(1)
    land = all_formations.open()["land"].to_numpy() == 1
    assert (cover[~land] >= 40).all()
    assert (cover[land] < 40).all()


def test_houses_stand_on_man_made_land_only(wide: World) -> None:
    pixels = Lattice(4_000_025.0 + 100 * np.arange(500), 2_849_975.0 - 100 * np.arange(500))
    field = np.full((500, 500), 9101, np.uint16)
    crowded = wide.field("people", pixels) > 1.6
    cover = covers_at(wide, EVERY_HABITAT, pixels, field)
    houses = np.isin(cover, [CITY, INDUSTRY])
    assert (houses <= crowded).all()
    assert 0.1 < houses.sum() / crowded.sum() < 0.3
    forest = covers_at(wide, EVERY_HABITAT, pixels, np.full((500, 500), 7107, np.uint16))
    assert not np.isin(forest, [CITY, INDUSTRY]).any()


def test_the_sea_has_shallow_edges(wide: World) -> None:
    pixels = Lattice(4_000_025.0 + 50 * np.arange(1_000), 2_849_975.0 - 50 * np.arange(1_000))
    water = np.full((1_000, 1_000), NO_HABITAT, np.uint16)
    cover = covers_at(wide, EVERY_HABITAT, pixels, water)
    relief = wide.terrain.at(pixels)
    assert (cover[relief.height < -0.1] == SEA).all()
    assert {42, 43} <= set(np.unique(cover[relief.sea]))
    assert (cover[relief.lake & ~relief.sea] <= LAKE).all()


def test_land_by_land_cover_mends_a_coarse_coast_and_nothing_else(
    everything: Simulated, all_formations: Truth, tmp_path: Path
) -> None:
    grid = all_formations.grid
    drawn = gpd.read_file(everything.land)
    coarse = drawn.dissolve().simplify(2_000).buffer(-300)
    gpd.GeoDataFrame(geometry=coarse, crs=drawn.crs).to_file(tmp_path / "coarse.gpkg")
    cover = {"path": str(everything.land_cover)}

    def land(path: Path, **changes: str) -> NDArray[np.bool_]:
        layers = {"land": {"path": str(path)}, "land_cover": cover, **changes}
        settings = MaskSettings.model_validate(layers)
        out = np.zeros(grid.shape, bool)
        for tile in grid.tiles():
            out[tile.window.rows, tile.window.columns] = read_masks(tmp_path, settings, tile)[
                "land"
            ]
        return out

    fine = land(everything.land, land_from="land")
    # Where polygons and land cover are of one mind, nothing changes at all.
    assert (land(everything.land) == fine).all()
    before, after = land(tmp_path / "coarse.gpkg", land_from="land"), land(tmp_path / "coarse.gpkg")
    assert (before != fine).sum() > 100
    with rasterio.open(everything.land_cover) as file:
        codes = file.read(1)
    inland = np.isin(codes, (40, 41))
    assert (after[~inland] == fine[~inland]).all()
    assert (after[inland] == before[inland]).all()
