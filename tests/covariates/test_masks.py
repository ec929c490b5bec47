import numpy as np
import pytest

from biomap_xr.covariates.masks import is_vector, read_codes, read_masks
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


def test_vectors_are_told_by_their_suffix():
    assert is_vector(LayerSettings(path="a/Land.GPKG"))
    assert not is_vector(LayerSettings(path="a/land.tif"))
