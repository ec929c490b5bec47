import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image

from biomap_xr.covariates.patches import content_of_patches, read_patches, whole_numbers
from biomap_xr.covariates.settings import PatchSettings
from biomap_xr.errors import InputError

MODALITIES = ("sentinel2", "landsat", "climate")


@pytest.fixture
def root(tmp_path):
    random = np.random.default_rng(0)
    for survey in ("1234", "5678"):
        for kind, shape in (("rgb", (128, 128, 3)), ("nir", (128, 128))):
            folder = tmp_path / "images" / kind / survey[2:] / survey[:2]
            folder.mkdir(parents=True)
            Image.fromarray(random.integers(0, 255, shape).astype(np.uint8)).save(
                folder / f"{survey}.jpeg", quality=95
            )
        for name, shape in (("landsat", (6, 4, 21)), ("climate", (4, 19, 12))):
            (tmp_path / name).mkdir(exist_ok=True)
            cube = torch.arange(float(np.prod(shape))).reshape(shape) % 250
            cube[0, 0, 0] = float("nan")
            torch.save(cube, tmp_path / name / f"{survey}_cube.pt")
    return tmp_path


def settings_of(*roots, **changes):
    folders = {"sentinel2": "images", "landsat": "landsat", "climate": "climate"}
    editions = tuple({"root": root, **folders} for root in roots)
    return PatchSettings.model_validate({"editions": editions, **changes})


def alike(ids, *names):
    return dict.fromkeys(names or MODALITIES, ids)


def write_images(root, survey, pixels):
    """A GeoTIFF as the edition of 2025 has them: reflectance x 10,000, -1 where missing."""
    values = np.arange(4 * pixels * pixels, dtype=np.int16).reshape(4, pixels, pixels)
    values[:, 0, 0] = -1
    root.mkdir(parents=True)
    profile = {"driver": "GTiff", "count": 4, "width": pixels, "height": pixels, "dtype": "int16"}
    transform = rasterio.Affine(10, 0, 4e6, 0, -10, 3e6)
    path = root / f"{survey}.tiff"
    with rasterio.open(path, "w", crs="EPSG:3035", transform=transform, **profile) as file:
        file.write(values)
        file.descriptions = ("red", "green", "blue", "nir")
    return values


def test_the_arrays_of_the_cube_from_the_files_of_surveys(root):
    kept, found = read_patches(settings_of(root), alike(["5678", "1234", "5678"]))
    shapes = {name: (values.shape, values.dtype.name) for name, values in found.items()}
    assert shapes == {
        "sentinel2": ((3, 4, 128, 128), "uint8"),
        "landsat": ((3, 6, 4, 21), "uint8"),
        "climate": ((3, 4, 19, 12), "uint16"),
    }
    assert kept.all()
    np.testing.assert_array_equal(found["sentinel2"][0], found["sentinel2"][2])
    assert found["landsat"][0, 0, 0, :3].tolist() == [255, 1, 2]
    assert found["climate"][0, 0, 0, :3].tolist() == [65535, 1, 2]


def test_a_survey_may_have_another_name_in_each_modality(root):
    names = {"landsat": ["1234", "99"], "climate": ["99", "5678"]}
    _, found = read_patches(settings_of(root, missing="fill"), names)
    assert (found["landsat"][1] == 255).all()
    assert (found["climate"][0] == 65535).all()
    assert found["landsat"][0, 0, 0, 1] == 1
    with pytest.raises(InputError, match="survey '99' has no file of landsat"):
        read_patches(settings_of(root), names)


def test_a_survey_without_any_file_is_an_error_or_dropped(root):
    ids = alike(["99", "1234", "98", "5678"])
    with pytest.raises(InputError, match="2 of 4 surveys have no file at all, first '99'"):
        read_patches(settings_of(root), ids)
    kept, found = read_patches(settings_of(root, without="drop"), ids)
    assert kept.tolist() == [False, True, False, True]
    assert {len(values) for values in found.values()} == {2}
    with pytest.raises(InputError, match="none of 0 surveys has a file of landsat"):
        read_patches(settings_of(root, without="drop"), alike(["99"], "landsat"))


def test_images_of_two_editions_come_to_one_size_and_scale(root, tmp_path):
    values = write_images(tmp_path / "new" / "images", "77", 64)
    new = {"root": tmp_path / "new", "sentinel2": "images"}
    settings = settings_of(root).model_dump()
    settings["editions"] = (*settings["editions"], new)
    together = PatchSettings.model_validate({**settings, "window": 64})
    ids = {"sentinel2": ["77", "1234"]}
    _, found = read_patches(together, ids)
    _, whole = read_patches(settings_of(root), {"sentinel2": ["1234"]})
    assert found["sentinel2"].dtype == np.uint8
    np.testing.assert_array_equal(found["sentinel2"][1], whole["sentinel2"][0, :, 32:96, 32:96])
    formula = 255 * (np.clip(values, 0, 10_000) / 10_000) ** (1 / 2.5)
    np.testing.assert_array_equal(found["sentinel2"][0], formula.astype(np.uint8))
    _, alone = read_patches(PatchSettings(editions=(new,)), {"sentinel2": ["77"]})
    assert alone["sentinel2"].dtype == np.uint16
    with pytest.raises(InputError, match=r"images of \[\(64, 64\), \(128, 128\)\] pixels"):
        read_patches(PatchSettings.model_validate(settings), ids)
    with pytest.raises(InputError, match="fewer than the window of 100"):
        read_patches(PatchSettings.model_validate({**settings, "window": 100}), ids)


def test_one_number_in_two_editions_is_refused(root, tmp_path):
    shutil.copytree(root / "landsat", tmp_path / "new" / "landsat")
    both = settings_of(root, tmp_path / "new")
    with pytest.raises(InputError, match="survey '1234' has files of landsat in"):
        read_patches(both, {"landsat": ["1234"]})


def test_values_of_another_modality_are_named():
    with pytest.raises(InputError, match=r"value 2831.0 lies outside of 0 to 254"):
        whole_numbers(np.array([2831.0]), 255, np.uint8)


def test_real_samples():
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set")
    samples = Path(os.environ["BIOMAP_XR_DATA"]) / "glc_samples"
    editions = (
        {
            "root": samples / "glc23",
            "sentinel2": "SatelliteImages",
            "landsat": "SatelliteTimeSeries",
        },
        {
            "root": samples / "glc24_25/glc24_pre_extracted",
            "sentinel2": "PA_Train_SatellitePatches_RGB",
            "landsat": "TimeSeries-Cubes",
            "climate": "TimeSeries-Cubes",
        },
        {
            "root": samples / "glc24_25/glc25_pre_extracted",
            "sentinel2": "SatelitePatches",
            "landsat": "SateliteTimeSeries-Landsat",
            "climate": "BioclimTimeSeries",
        },
    )
    series = samples / "glc23/SatelliteTimeSeries/time_series_red.csv"
    oldest = series.read_text().splitlines()[1].split(";")[0]
    settings = PatchSettings.model_validate(
        {"editions": editions, "window": 64, "missing": "fill", "without": "drop"}
    )
    newer = ["1322301", "5000108"]
    kept, found = read_patches(
        settings, alike([*newer, "1"]) | {"landsat": [*newer, oldest], "climate": [*newer, "1"]}
    )
    assert kept.all()
    assert found["sentinel2"].shape == (3, 4, 64, 64)
    assert not found["sentinel2"][2].any()
    # Both scales tell the same brightness once they are one.
    medians = np.median(found["sentinel2"][:2], axis=(1, 2, 3))
    assert ((medians > 40) & (medians < 160)).all()
    assert 2500 < np.median(found["climate"][0, 1]) < 3100
    assert (found["climate"][2] == 65535).all()
    assert (found["landsat"] != 255).mean(axis=(1, 2, 3)).min() > 0.5


def test_the_content_of_patches_changes_with_their_files_alone(root, tmp_path):
    first = content_of_patches(settings_of(root))
    moved = shutil.copytree(root, tmp_path / "moved" / "elsewhere")
    assert content_of_patches(settings_of(moved)) == first
    next((moved / "landsat").iterdir()).unlink()
    assert content_of_patches(settings_of(moved)) != first


def test_a_patch_of_the_same_size_with_another_content_is_seen(root, tmp_path):
    moved = shutil.copytree(root, tmp_path / "moved")
    first = content_of_patches(settings_of(moved))
    path = next((moved / "landsat").iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert content_of_patches(settings_of(moved)) != first
