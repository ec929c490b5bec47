import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from scipy.spatial import cKDTree
from tiny_run import filling_of

from biomap_xr.cluster import profile_of
from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.masks import codes_at_source
from biomap_xr.covariates.settings import CovariateSettings, LayerSettings, MaskSettings
from biomap_xr.cubes import Cube, Variable, declare, write_block
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Extent, Grid, GridSettings
from biomap_xr.habitats.rules.regional import RegionTable
from biomap_xr.habitats.rules.rulebook import Rulebook
from biomap_xr.habitats.rules.settings import RegionSettings, RulesSettings
from biomap_xr.habitats.rules.snapping import Placed
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs import masks
from biomap_xr.programs.masks import (
    CodesProgram,
    MaskReader,
    RegionsProgram,
    check_known,
    check_water,
    known_codes,
    regions_of,
    unknown_at_source,
)

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


def test_regions_are_found_in_slices_on_any_workers(reader, tmp_path, monkeypatch):
    rows, columns = (each.ravel() for each in np.indices(GRID.shape))
    cells = Cells(np.append(rows, -1)[::-1], np.append(columns, -1)[::-1])
    expected = reader.at(cells)
    monkeypatch.setattr(masks, "SLICE", 150)
    program = RegionsProgram(tmp_path, reader, "ab")
    own, seen = RegionsProgram.__call__, []

    def failing(program, task):
        seen.append(task.arguments.start)
        if task.arguments.start == 150 and seen.count(150) == 1:
            raise InputError("a shard is torn")
        return own(program, task)

    def find(filling):
        return regions_of(program, cells, tmp_path / "regions", filling.complete)

    with monkeypatch.context() as patch:
        patch.setattr(RegionsProgram, "__call__", failing)
        with pytest.raises(InputError, match=r"plot_regions: 1 slices .*-000000150: InputError: a"):
            find(filling_of(Workspace(tmp_path), retries=0))
        again = find(filling_of(Workspace(tmp_path), retries=0))
    assert sorted(seen) == [0, 150, 150, 300]
    with Workers(profile_of({"kind": "local", "processes": 1})) as workers:
        elsewhere = find(filling_of(Workspace(tmp_path), workers))
    for found in (again, elsewhere):
        assert list(found) == list(expected)
        for layer, placed in expected.items():
            np.testing.assert_array_equal(found[layer].region, placed.region)
            np.testing.assert_array_equal(found[layer].distance, placed.distance)
    assert not list((tmp_path / "regions").iterdir())


def test_codes_are_counted_by_tile(covariates, tmp_path):
    workspace, tiles = Workspace(tmp_path), tuple(GRID.tiles())
    program = CodesProgram(covariates, ("ecoregion", "coast"), "ab")
    filling_of(workspace).complete(program, tiles)
    ledger = workspace.ledger("mask_codes")
    counted = program.counted(ledger.read(tile.name) for tile in tiles)
    assert counted == {"ecoregion": {65_535: 180, 7: 132, 3: 88}, "coast": {2: 400}}


def test_unknown_codes_are_listed_with_their_cells():
    table = RegionTable(
        "ecoregion", ("T17",), np.array([7]), np.ones((1, 1), bool), frozenset({65_535})
    )
    rules = Rulebook({"T": table}, None)
    check_known(rules, {"ecoregion": {7: 10, 65_535: 3}})
    message = (
        r"masks/ecoregion has the codes 3 \(88 cells\).* habitats.rules.regions.unknown: nowhere"
    )
    with pytest.raises(InputError, match=message):
        check_known(rules, {"ecoregion": {7: 10, 3: 88}})
    lenient = RegionTable("ecoregion", ("T17",), np.array([7]), np.ones((1, 1), bool), None)
    check_known(Rulebook({"T": lenient}, None), {"ecoregion": {3: 88}})


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Two ecoregions on the map and one beside it, and land cover with a code of nobody's."""
    root = tmp_path_factory.mktemp("sources")
    shapes = [
        shapely.box(4_000_000 + x, 2_800_000, 4_001_000 + x, 2_802_000) for x in (0, 1_000, 2_000)
    ]
    regions = {"ECO_NAME": ["Alps", "Po", "Beside"], "ECO_ID": [7, 3, 9]}
    gpd.GeoDataFrame(regions, geometry=shapes, crs="EPSG:3035").to_file(root / "regions.gpkg")
    cover = np.full((30, 40), 23, np.uint8)
    cover[:10], cover[0, :3], cover[:, 20:] = 44, 49, 255
    # Pixels of 100 m, of which ten rows and twenty columns lie beyond the map.
    with rasterio.open(
        root / "cover.tif", "w", driver="GTiff", width=40, height=30, count=1, dtype="uint8",
        crs="EPSG:3035", transform=rasterio.Affine(100, 0, 4_000_000, 0, -100, 2_802_000),
        nodata=255,
    ) as file:  # fmt: skip
        file.write(cover, 1)
    (root / "counts.csv").write_text("EUNIS1,EUNIS2,EUNIS3,Alps\nT,T1,T17,5\n")
    (root / "codes.csv").write_text("ECO_NAME,ECO_ID\nAlps,7\n")
    (root / "crosswalk.csv").write_text("corine,Priority_order,T\n23,T,T1\n44,SEA_OCEAN,\n")
    return root


def rules_of(sources, **regions):
    tables = {
        "ecoregion_table": sources / "counts.csv",
        "ecoregion_codes": sources / "codes.csv",
        **regions,
    }
    crosswalk = {"table": sources / "crosswalk.csv"}
    return RulesSettings.model_validate({"regions": tables, "crosswalk": crosswalk})


MASKS = {
    "ecoregion": {"path": "regions.gpkg", "column": "ECO_ID"},
    "land_cover": {"path": "cover.tif"},
}


def test_codes_of_the_sources_are_known_before_any_work(sources):
    covariates = CovariateSettings.model_validate({"root": sources, "masks": MASKS})
    known = known_codes(rules_of(sources), ["T", "N"])
    assert known == {"ecoregion": {7, 65_535}, "land_cover": {23, 44, 48, 255}}
    ecoregion, cover = unknown_at_source(covariates, GRID.geobox, known)
    assert "masks/ecoregion has the codes 3 (1 polygons)" in ecoregion
    assert "habitats.rules.regions.unknown: nowhere" in ecoregion
    assert "masks/land_cover has the codes 49 (3 pixels)" in cover
    assert "habitats.rules.crosswalk.missing" in cover
    lenient = known_codes(rules_of(sources, unknown="nowhere"), ["T"])
    assert set(lenient) == {"land_cover"}
    whole = {"ecoregion": {3, 7}, "land_cover": {23, 44, 49}}
    assert unknown_at_source(covariates, GRID.geobox, whole) == ()


def test_regions_of_plots_are_known_where_there_is_no_table(sources):
    rules = rules_of(sources, ecoregion_table=None, ecoregion_codes=None)
    assert "ecoregion" not in known_codes(rules, ["T"])
    placed = {"ecoregion": Placed(np.array([3, 65_535, 3]), np.array([0.0, np.nan, 0.0]))}
    assert known_codes(rules, ["T"], placed)["ecoregion"] == {3, 65_535}


def test_codes_of_a_raster_are_counted_on_the_map_alone(sources, monkeypatch):
    layer = LayerSettings(path="cover.tif")
    found = codes_at_source(sources, layer, GRID.geobox)
    assert found == {44: 197, 49: 3, 23: 200}
    # However it is cut into blocks.
    monkeypatch.setattr("biomap_xr.covariates.masks.SIDE", 7)
    assert codes_at_source(sources, layer, GRID.geobox) == found


def test_codes_of_water_are_those_of_the_crosswalk(sources):
    crosswalk = rules_of(sources).crosswalk
    masks = MaskSettings.model_validate(MASKS)
    check_water(masks, crosswalk)
    other = masks.model_copy(update={"water": (80,)})
    with pytest.raises(InputError, match=r"masks.water has the codes \[80\], but .* under \[44\]"):
        check_water(other, crosswalk)
    check_water(other.model_copy(update={"land_from": "land"}), crosswalk)
