from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

from biomap_xr.errors import InputError
from biomap_xr.sources.geoplant.patches import (
    BANDS,
    JpegPatches,
    TiffPatches,
    decode_jpeg,
    nir_name,
    open_patches,
)

RANDOM = np.random.default_rng(2)
RGB = np.repeat(RANDOM.integers(0, 255, (16, 16, 3), np.uint8), 8, 0).repeat(8, 1)
LAYOUTS = [
    ("SatelliteImages/rgb", "SatelliteImages/nir"),
    ("PA_RGB/pa_train_patches_rgb", "PA_NIR/pa_train_patches_nir"),
    ("set/patches_RGB", "set/patches_NIR"),
]


def save_jpeg(path: Path, values: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, quality=95)
    return path


def save_pair(root: Path, rgb: str, nir: str, place: str = "01/23/1322301.jpeg") -> None:
    save_jpeg(root / rgb / place, RGB)
    save_jpeg(root / nir / place, RGB[..., 0])


@pytest.mark.parametrize(("rgb", "nir"), LAYOUTS)
@pytest.mark.parametrize("place", ["01/23/1322301.jpeg", "1322301.jpeg"])
def test_pairs_are_found_in_every_layout(tmp_path: Path, rgb: str, nir: str, place: str) -> None:
    save_pair(tmp_path, rgb, nir, place)
    for root in (tmp_path, tmp_path / rgb):
        patches = open_patches(root)
        assert patches == JpegPatches(tmp_path / rgb, tmp_path / nir)
        values = patches.read("1322301")
        assert (values.shape, values.dtype) == ((4, 128, 128), np.uint8)
        with Image.open(tmp_path / rgb / place) as image:
            np.testing.assert_array_equal(values[:3], np.asarray(image).transpose(2, 0, 1))
        with Image.open(tmp_path / nir / place) as image:
            np.testing.assert_array_equal(values[3], np.asarray(image))


def test_a_survey_without_a_complete_pair_has_no_patch(tmp_path: Path) -> None:
    save_pair(tmp_path, *LAYOUTS[0])
    save_jpeg(tmp_path / "SatelliteImages/rgb/42/06/642.jpeg", RGB)
    patches = open_patches(tmp_path)
    assert patches.path("1322301") is not None
    assert patches.path("642") is None
    with pytest.raises(InputError, match="no patch of survey '642'"):
        patches.read("642")


def test_images_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "a.jpeg", RGB)
    with pytest.raises(InputError, match="holds RGB channels; expected L"):
        decode_jpeg(path, "L", 128)
    with pytest.raises(InputError, match="128 x 128 pixels; expected 64 x 64"):
        decode_jpeg(path, "RGB", 64)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="cannot be read as JPEG"):
        decode_jpeg(path, "RGB", 128)
    Image.fromarray(RGB).save(path, format="PNG")
    with pytest.raises(InputError, match="cannot be read as JPEG"):
        decode_jpeg(path, "RGB", 128)


def test_folders_without_one_clear_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no patches"):
        open_patches(tmp_path)
    save_jpeg(tmp_path / "train_rgb/1.jpeg", RGB)
    with pytest.raises(InputError, match="no NIR images beside it"):
        open_patches(tmp_path)
    save_jpeg(tmp_path / "test_rgb/1.jpeg", RGB)
    with pytest.raises(InputError, match="several sets"):
        open_patches(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        open_patches(tmp_path / "missing")


def test_tiff_bands_are_read_by_name(geotiff, tmp_path: Path) -> None:
    values = RANDOM.integers(-1, 10_000, (4, 64, 64), np.int16)
    order = [3, 0, 2, 1]
    path = geotiff(
        "tiff/08/01/5000108.tiff", values[order], bands=[BANDS[k] for k in order], nodata=-1
    )
    patches = open_patches(tmp_path)
    assert patches == TiffPatches(tmp_path / "tiff")
    assert patches.path("5000108") == path
    np.testing.assert_array_equal(patches.read("5000108"), values)
    with pytest.raises(InputError, match="no patch of survey '1'"):
        patches.read("1")


@pytest.mark.parametrize(
    ("values", "bands", "message"),
    [
        (np.zeros((4, 64, 64), np.uint16), BANDS, "holds uint16; expected int16"),
        (np.zeros((4, 32, 64), np.int16), BANDS, "32 x 64 pixels; expected 64 x 64"),
        (np.zeros((3, 64, 64), np.int16), BANDS[:3], r"\['nir'\] occur \[0\]"),
        (np.zeros((4, 64, 64), np.int16), (), "bands have no names"),
    ],
)
def test_bad_tiffs_are_refused(geotiff, tmp_path: Path, values, bands, message) -> None:
    geotiff("7.tiff", values, bands=bands)
    with pytest.raises(InputError, match=message):
        TiffPatches(tmp_path).read("7")


def test_only_the_colour_in_a_name_changes() -> None:
    assert nir_name("pa_train_patches_rgb") == "pa_train_patches_nir"
    assert nir_name("nothing") == "nothing"


# A JPEG has no georeference, which GDAL warns of; here it is only a second decoder.
@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize(
    ("folder", "count"),
    [("glc23/SatelliteImages", 100), ("jrc_17_surveys", 17), ("glc24_25/glc24_pre_extracted", 1)],
)
def test_real_jpegs(data: Path, folder: str, count: int) -> None:
    patches = open_patches(data / "glc_samples" / folder)
    assert isinstance(patches, JpegPatches)
    files = sorted(patches.rgb.rglob("*.jpeg"))
    assert len(files) == count
    for file in files[:: max(len(files) // 5, 1)]:
        assert patches.path(file.stem) == file
        values = patches.read(file.stem)
        with rasterio.open(file) as dataset:
            # Decoders fill in the halved colour planes a little differently.
            apart = np.abs(values[:3].astype(int) - dataset.read())
        assert apart.mean() < 0.5
        with rasterio.open(str(patches.nir / file.relative_to(patches.rgb))) as dataset:
            np.testing.assert_array_equal(values[3], dataset.read(1))


def test_real_tiff(data: Path) -> None:
    patches = open_patches(data / "glc_samples/glc24_25/glc25_pre_extracted")
    values = patches.read("5000108")
    with rasterio.open(patches.path("5000108")) as dataset:
        np.testing.assert_array_equal(values, dataset.read())
        assert dataset.descriptions == BANDS
