import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from biomap_xr.errors import InputError
from biomap_xr.sources.raster import HANDLES, OPEN_FILES, describe, handle

PIXELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def test_a_description_says_what_the_file_holds(geotiff) -> None:
    raster = describe(geotiff("a.tif", PIXELS, bands=["red", "nir"], nodata=7))
    assert raster.bands == ("red", "nir")
    assert raster.geobox.shape == (3, 4)
    assert str(raster.geobox.crs) == "EPSG:3035"
    assert (raster.dtype, raster.nodata, raster.count) == (np.uint16, 7.0, 2)
    assert pickle.loads(pickle.dumps(raster)) == raster


def test_bands_are_found_by_name_or_number(geotiff) -> None:
    raster = describe(geotiff("a.tif", PIXELS, bands=["nir", "red"]))
    assert raster.indexes(["red", "nir"]) == [2, 1]
    assert raster.indexes([2]) == [2]


@pytest.mark.parametrize("band", ["swir", 0, 3])
def test_a_missing_band_is_named(geotiff, band: str | int) -> None:
    raster = describe(geotiff("a.tif", PIXELS, bands=["red", "nir"]))
    with pytest.raises(InputError, match=rf"\[{band!r}\] occur \[0\] times"):
        raster.indexes([band])


def test_bands_without_names_are_not_guessed(geotiff) -> None:
    path = geotiff("a.tif", PIXELS)
    with pytest.raises(InputError, match="bands have no names"):
        describe(path).indexes(["red"])
    assert describe(path, bands=["red", "nir"]).indexes(["nir"]) == [2]


def test_a_single_band_takes_the_name_of_its_file(geotiff) -> None:
    assert describe(geotiff("B04.tif", PIXELS[:1])).bands == ("B04",)


def test_a_name_that_occurs_twice_is_refused_when_asked_for(geotiff) -> None:
    raster = describe(geotiff("a.tif", np.zeros((3, 2, 2), np.uint8), bands=["a", "b", "a"]))
    assert raster.indexes(["b"]) == [2]
    with pytest.raises(InputError, match=r"occur \[2\] times"):
        raster.indexes(["a"])


def test_stated_names_must_fit(geotiff) -> None:
    path = geotiff("a.tif", PIXELS, bands=["red", "nir"])
    with pytest.raises(InputError, match="2 bands, 1 names"):
        describe(path, bands=["red"])
    with pytest.raises(InputError, match="orders its bands"):
        describe(path, bands=["nir", "red"])


def test_a_missing_crs_is_an_error_unless_stated(geotiff) -> None:
    path = geotiff("a.tif", PIXELS, crs=None)
    with pytest.raises(InputError, match="has no CRS"):
        describe(path)
    assert str(describe(path, crs="EPSG:3035").geobox.crs) == "EPSG:3035"


def test_a_missing_georeference_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            path, "w", driver="GTiff", count=1, height=2, width=2, dtype="uint8", crs="EPSG:3035"
        ),
    ):
        pass
    with pytest.raises(InputError, match="no georeference"):
        describe(path)


def test_a_rotated_grid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    shape = {"count": 1, "height": 2, "width": 2, "dtype": "uint8", "crs": "EPSG:3035"}
    with rasterio.open(path, "w", driver="GTiff", transform=Affine(8, 6, 0, 6, -8, 0), **shape):
        pass
    with pytest.raises(InputError, match="rotated"):
        describe(path)


def test_dtype_and_nodata_must_fit(geotiff) -> None:
    path = geotiff("a.tif", PIXELS)
    assert describe(path, dtype="uint16").dtype == np.uint16
    with pytest.raises(InputError, match="holds uint16; expected float32"):
        describe(path, dtype=np.float32)
    with pytest.raises(InputError, match="nodata -1 cannot occur in uint16"):
        describe(path, nodata=-1)
    with pytest.raises(InputError, match="holds complex64"):
        describe(geotiff("c.tif", PIXELS.astype(np.complex64)))


def test_nodata_is_the_value_that_the_dtype_holds(geotiff) -> None:
    path = geotiff("a.tif", PIXELS.astype(np.float32), nodata=3.4028234663852886e38)
    assert describe(path).nodata == float(np.finfo(np.float32).max)
    assert describe(path, nodata=0.1).nodata == float(np.float32(0.1))


def test_files_that_are_no_geotiff_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.tif"
    text.write_text("no raster")
    with pytest.raises(InputError, match="cannot be read as a GeoTIFF"):
        describe(text)
    virtual = tmp_path / "b.vrt"
    virtual.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    with pytest.raises(InputError, match="cannot be read as a GeoTIFF"):
        describe(virtual)
    with pytest.raises(InputError, match="does not exist"):
        describe(tmp_path / "missing.tif")


def test_each_thread_has_its_own_handle(geotiff) -> None:
    raster = describe(geotiff("a.tif", PIXELS))
    other = []
    thread = threading.Thread(target=lambda: other.append(handle(raster)))
    thread.start()
    thread.join()
    assert handle(raster) is handle(raster)
    assert other[0] is not handle(raster)


def test_open_handles_are_few_and_a_changed_file_is_opened_anew(geotiff) -> None:
    first = describe(geotiff("a.tif", PIXELS[:1]))
    opened = handle(first)
    for number in range(OPEN_FILES):
        handle(describe(geotiff(f"{number}.tif", PIXELS[:1])))
    assert opened.closed
    assert len(HANDLES.files) == OPEN_FILES
    second = describe(geotiff("a.tif", PIXELS[:1, :2] + 1))
    assert second.geobox.shape == (2, 4)
    assert handle(second).read(1)[0, 0] == 1


def test_a_file_that_changed_after_its_description_is_refused(geotiff) -> None:
    raster = describe(geotiff("a.tif", PIXELS))
    geotiff("a.tif", PIXELS[:, :2])
    with pytest.raises(InputError, match="changed since it was described"):
        handle(raster)


def test_real_rasters(data: Path) -> None:
    patch = describe(
        data / "glc_samples/glc24_25/glc25_pre_extracted/SatelitePatches/PA-test/08/01/5000108.tiff"
    )
    assert patch.bands == ("red", "green", "blue", "nir")
    assert (patch.dtype, patch.nodata) == (np.int16, -1.0)
    clc = describe(data / "landcover/corine_lanjaron/clc.tif")
    assert (str(clc.geobox.crs), clc.nodata) == ("EPSG:3042", 4294967295.0)
