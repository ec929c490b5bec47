import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from biomap_xr.cubes import open_cube
from biomap_xr.errors import CorruptError, InputError
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.habitats.legend import legend_of
from biomap_xr.products import geotiff
from biomap_xr.products.geotiff import Source, compare, overview_factors, windows, write_raster
from biomap_xr.products.rasters import final_rasters, formation_rasters
from biomap_xr.products.settings import RasterSettings

SMALL = RasterSettings(window_blocks=1)


@pytest.fixture
def probability(store):
    cube = open_cube(store, "by_environment/T")
    raster = next(formation_rasters("T", ["T11", "T17", "T31"]))
    return Source(cube["probability"], raster, tags={"TIFFTAG_COPYRIGHT": "CC-BY-4.0"})


@pytest.fixture
def second(store, legend):
    raster = list(final_rasters())[1]
    return Source(open_cube(store, "wall_to_wall")["habitat"], raster, legend)


@pytest.fixture
def top(store, legend):
    raster = list(formation_rasters("T", ["T11", "T17", "T31"]))[1]
    return Source(open_cube(store, "by_environment/T")["habitat"], raster, legend)


def test_windows_cover_every_cell_once():
    count = np.zeros((7, 5), int)
    for window in windows(count.shape, 3):
        count[window.rows, window.columns] += 1
    assert (count == 1).all()


@pytest.mark.parametrize("compression", ["DEFLATE", "ZSTD"])
def test_percentages_are_written_with_their_bands(probability, grid, maps, tmp_path, compression):
    settings = RasterSettings(compression=compression, window_blocks=1)
    path = write_raster(probability, grid, tmp_path / "out", settings)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), maps["by_environment/T"]["probability"])
        assert (file.dtypes[0], file.nodata, file.crs.to_epsg()) == ("uint8", 255, 3035)
        assert file.descriptions == ("T11", "T17", "T31")
        assert file.units == ("percent",) * 3
        assert file.transform.almost_equals(grid.geobox.affine)
        assert file.block_shapes[0] == (256, 256)
        structure = file.tags(ns="IMAGE_STRUCTURE")
        assert (structure["COMPRESSION"], structure["PREDICTOR"]) == (compression, "2")
        assert structure["INTERLEAVE"] == "BAND"
        assert file.tags()["TIFFTAG_COPYRIGHT"] == "CC-BY-4.0"
        assert file.tags()["TIFFTAG_IMAGEDESCRIPTION"].startswith("Forests and other wooded land")
    assert not path.with_name(path.name + ".aux.xml").exists()


def test_overviews_of_percentages_are_averages_without_nodata(probability, grid, maps, tmp_path):
    path = write_raster(probability, grid, tmp_path, SMALL)
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2]
    values = maps["by_environment/T"]["probability"].astype(float)
    values[values == 255] = np.nan
    with rasterio.open(path, overview_level=0) as file:
        coarse = file.read()
    rows, columns = grid.shape
    blocks = values.reshape(3, rows // 2, 2, columns // 2, 2)
    empty = np.isnan(blocks).all(axis=(2, 4))
    assert (coarse[empty] == 255).all()
    whole = ~np.isnan(blocks).any(axis=(2, 4))
    assert np.abs(coarse[whole] - blocks.mean(axis=(2, 4))[whole]).max() <= 0.5


def test_overviews_of_codes_hold_no_number_of_their_own(second, grid, maps, tmp_path):
    path = write_raster(second, grid, tmp_path, SMALL)
    with rasterio.open(path, overview_level=0) as file:
        coarse = file.read(1)
    values = maps["wall_to_wall"]["habitat"][1]
    corners = [values[row::2, column::2] for row in (0, 1) for column in (0, 1)]
    assert np.any([coarse == corner for corner in corners], axis=0).all()


def test_codes_have_palette_categories_and_a_sidecar(second, grid, maps, legend, tmp_path):
    path = write_raster(second, grid, tmp_path, SMALL)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), maps["wall_to_wall"]["habitat"][1])
        assert (file.dtypes[0], file.nodata) == ("uint16", 65_535)
        assert file.colormap(1)[7107] == (*legend.entry("T17").colour, 255)
        assert file.tags(1, ns="CATEGORIES")["5202"] == "R22 - Hay & meadow"
        assert file.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR", "1") == "1"
    sidecar = path.with_name(path.name + ".aux.xml").read_text()
    assert "<F>T17 - Fagus forest on non-acid soils</F>" in sidecar
    assert "GDALRasterAttributeTable" in sidecar


def test_gdal_reads_the_sidecar(second, grid, tmp_path):
    path = write_raster(second, grid, tmp_path, SMALL)
    with rasterio.open(path) as file:
        assert path.with_name(path.name + ".aux.xml").name in {
            name.rsplit("/", 1)[-1] for name in file.files
        }
    rasterio.shutil.copy(path, tmp_path / "copy.vrt", driver="VRT")
    copied = (tmp_path / "copy.vrt").read_text()
    assert "R22 - Hay &amp; meadow" in copied


def test_several_bands_keep_their_categories(top, grid, maps, tmp_path):
    path = write_raster(top, grid, tmp_path, SMALL)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), maps["by_environment/T"]["habitat"])
        assert file.tags(3, ns="CATEGORIES")["7301"] == "T31"


def test_open_sea_takes_no_room(probability, grid, tmp_path):
    path = write_raster(probability, grid, tmp_path, RasterSettings(overviews=False))
    empty = probability.variable.copy(data=np.full((3, *grid.shape), 255, np.uint8))
    sea = Source(empty, probability.raster)
    other = write_raster(sea, grid, tmp_path / "sea", RasterSettings(overviews=False))
    assert other.stat().st_size < 4_000 < path.stat().st_size


def test_what_is_read_back_otherwise_is_corrupt(probability, grid, tmp_path, monkeypatch):
    def damaged(path, *arguments):
        with rasterio.open(path, "r+") as file:
            values = file.read(2)
            values[5, 290] ^= 1
            file.write(values, 2)

    monkeypatch.setattr(geotiff, "_add_overviews", damaged)
    with pytest.raises(CorruptError, match="1 cells of rows 0 to 200, columns 256 to 300"):
        write_raster(probability, grid, tmp_path, SMALL)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".tif", ".partial")]


@pytest.mark.parametrize(
    ("name", "value"), [("nodata", 7), ("crs", "EPSG:3857"), ("transform", Affine.scale(250, -250))]
)
def test_a_file_on_another_place_is_corrupt(probability, grid, tmp_path, monkeypatch, name, value):
    def damaged(path, *arguments):
        with rasterio.open(path, "r+") as file:
            setattr(file, name, value)

    monkeypatch.setattr(geotiff, "_add_overviews", damaged)
    with pytest.raises(CorruptError, match="was read back with CRS, nodata and shape"):
        write_raster(probability, grid, tmp_path, SMALL)
    assert not list(tmp_path.rglob("*.tif"))


def test_a_file_is_compared_with_all_of_the_cube(probability, grid, tmp_path):
    path = write_raster(probability, grid, tmp_path, SMALL)
    compare(path, probability, grid, SMALL)
    changed = probability.variable.copy(data=probability.variable.to_numpy() ^ 1)
    with pytest.raises(CorruptError):
        compare(path, Source(changed, probability.raster), grid, SMALL)


def test_a_number_without_a_legend_is_refused(second, grid, tmp_path):
    short = Source(second.variable, second.raster, legend_of(["R11", "R22", "T11", "T17", "T31"]))
    with pytest.raises(InputError, match=r"the legend lacks the numbers \[8400\]"):
        write_raster(short, grid, tmp_path, SMALL)
    assert not list(tmp_path.rglob("*.tif"))


def test_cubes_that_do_not_fit_are_refused(probability, second, grid, tmp_path):
    extent = Extent(x_min=4_025_000, y_min=2_800_000, x_max=4_100_000, y_max=2_850_000)
    other = Grid.from_settings(GridSettings(resolution=250, extent=extent))
    with pytest.raises(InputError, match=r"by_environment/T lies on"):
        write_raster(probability, other, tmp_path, SMALL)
    with pytest.raises(InputError, match="expected a legend"):
        write_raster(Source(second.variable, second.raster), grid, tmp_path, SMALL)
    with pytest.raises(InputError, match="has 3 bands of uint16; expected 3 of uint8"):
        write_raster(Source(second.variable, probability.raster), grid, tmp_path, SMALL)


def test_overviews_end_with_one_inner_tile():
    assert overview_factors((256, 200), 256) == []
    assert overview_factors((300, 1_000), 256) == [2, 4]
