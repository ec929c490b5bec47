import numpy as np
import pytest

from biomap_xr.covariates.masks import is_vector, land_by_cover, read_codes, read_masks
from biomap_xr.covariates.settings import LayerSettings, MaskSettings
from biomap_xr.errors import InputError


def test_without_layers_all_is_land(grid, tmp_path):
    masks = read_masks(tmp_path, MaskSettings(), next(grid.tiles()))
    assert list(masks) == ["land"]
    assert masks["land"].all()


def test_land_from_a_raster_of_codes(factory, grid, tmp_path):
    codes = np.tile(np.array([1, 2, 44, 255], np.uint8), (4, 1))
    factory.write_raster(tmp_path / "clc.tif", codes, resolution=500, nodata=255)
    layer = LayerSettings(path="clc.tif", values=(1, 2))
    masks = read_masks(tmp_path, MaskSettings(land=layer), next(grid.tiles()))
    assert masks["land"].all()
    whole = read_codes(tmp_path, layer, grid.geobox, 0)
    assert whole[0, ::10].tolist() == [1, 1, 0, 0]
    plain = read_codes(tmp_path, LayerSettings(path="clc.tif"), grid.geobox, 255)
    assert plain[0, ::10].tolist() == [1, 2, 44, 255]


def test_ecoregions_of_a_vector_by_names(region, grid):
    layer = LayerSettings(path="vectors/ecoregions.gpkg", column="code", codes={"686": 1, "12": 7})
    codes = read_codes(region.root, layer, grid.geobox, 65535)
    assert np.unique(codes).tolist() == [1, 7, 65535]


def test_coast_is_inside_or_not(region, grid):
    settings = MaskSettings(coast=LayerSettings(path="vectors/land.gpkg"))
    tiles = [read_masks(region.root, settings, tile)["coast"] for tile in grid.tiles()]
    assert tiles[0].all()
    assert np.unique(tiles[1]).tolist() == [0, 1]


def test_a_code_that_does_not_fit_its_type_is_named(factory, grid, tmp_path):
    codes = np.full((4, 4), 300, np.uint16)
    factory.write_raster(tmp_path / "codes.tif", codes, resolution=500)
    settings = MaskSettings(land_cover=LayerSettings(path="codes.tif"))
    with pytest.raises(InputError, match=r"land_cover of codes.tif: value 300 .* 0 to 255"):
        read_masks(tmp_path, settings, next(grid.tiles()))


# From the open sea over a lagoon's marsh to a lake and to what was never classified.
SHORE = np.array([255, 44, 43, 42, 39, 38, 37, 30, 26, 40, 41, 45, 48, 255], np.uint8)
DRAWN = np.array([0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1], np.uint8)
FOUND = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1], np.uint8)


@pytest.fixture
def shore(factory, tmp_path):
    """A coast in columns of one cell; the layer of land misses the marsh and the dunes."""
    for name, values in {"cover": SHORE, "land": DRAWN}.items():
        nodata = 255 if name == "cover" else None
        path = tmp_path / f"{name}.tif"
        factory.write_raster(path, np.tile(values, (40, 1)), resolution=50, nodata=nodata)
    return tmp_path


def layers(**changes):
    return MaskSettings.model_validate(
        {"land": {"path": "land.tif"}, "land_cover": {"path": "cover.tif"}, **changes}
    )


def test_land_cover_says_what_is_land_at_a_coast(shore, grid):
    masks = read_masks(shore, layers(), next(grid.tiles()))
    assert masks["land"].dtype == np.uint8
    assert (masks["land"][:, : len(SHORE)] == FOUND).all()
    # Saltmarsh, salines, flats and dunes are mapped that the polygon leaves to the sea.
    gained = (masks["land"] > 0)[0, : len(SHORE)] & (DRAWN == 0)
    assert SHORE[gained].tolist() == [39, 38, 37, 30]
    lost = (masks["land"] == 0)[0, : len(SHORE)] & (DRAWN == 1)
    assert SHORE[lost].tolist() == [43, 42]


def test_the_layer_of_land_can_decide_alone(shore, grid):
    masks = read_masks(shore, layers(land_from="land"), next(grid.tiles()))
    assert (masks["land"][:, : len(SHORE)] == DRAWN).all()


def test_without_a_layer_of_land_what_land_cover_leaves_open_is_land(shore, grid):
    masks = read_masks(shore, layers(land=None), next(grid.tiles()))
    assert SHORE[masks["land"][0, : len(SHORE)] == 0].tolist() == [44, 43, 42]


def test_other_land_cover_needs_its_own_codes_of_water():
    cover, land = np.array([[10, 80, 255]], np.uint8), np.array([[0, 1, 1]], np.uint8)
    with pytest.raises(InputError, match=r"codes 80 \(1 cells\), which are none of .*masks.water"):
        land_by_cover(land, cover, MaskSettings())
    assert land_by_cover(land, cover, MaskSettings(water=(80,))).tolist() == [[1, 0, 1]]
    # WorldCover has one code for seas and lakes, which the layer of land tells apart.
    open_ = MaskSettings(water=(), undecided=(80,))
    assert land_by_cover(land, cover, open_).tolist() == [[1, 1, 1]]


def test_a_code_is_water_or_undecided():
    with pytest.raises(ValueError, match=r"codes \[40\] are in water and in undecided"):
        MaskSettings(water=(40, 44))


def test_vectors_are_told_by_their_suffix():
    assert is_vector(LayerSettings(path="a/Land.GPKG"))
    assert not is_vector(LayerSettings(path="a/land.tif"))
