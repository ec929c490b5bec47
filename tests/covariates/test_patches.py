import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from biomap_xr.covariates.patches import PatchSettings, inputs_from_patches, whole_numbers
from biomap_xr.errors import InputError


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


def settings_of(root, **changes):
    return PatchSettings(
        root=root, sentinel2="images", landsat="landsat", climate="climate", **changes
    )


def test_the_arrays_of_the_cube_from_the_files_of_surveys(root):
    wanted = ("sentinel2", "landsat", "climate")
    found = inputs_from_patches(settings_of(root), ["5678", "1234", "5678"], wanted)
    shapes = {name: (values.shape, values.dtype.name) for name, values in found.items()}
    assert shapes == {
        "sentinel2": ((3, 4, 128, 128), "uint8"),
        "landsat": ((3, 6, 4, 21), "uint8"),
        "climate": ((3, 4, 19, 12), "uint16"),
    }
    np.testing.assert_array_equal(found["sentinel2"][0], found["sentinel2"][2])
    assert found["landsat"][0, 0, 0, :3].tolist() == [255, 1, 2]
    assert found["climate"][0, 0, 0, :3].tolist() == [65535, 1, 2]


def test_a_survey_without_a_file_is_named_or_missing(root):
    with pytest.raises(InputError, match="survey '99' has no file of landsat"):
        inputs_from_patches(settings_of(root), ["1234", "99"], ["landsat"])
    filled = inputs_from_patches(
        settings_of(root, missing="fill"), ["99", "1234"], ("landsat", "sentinel2")
    )
    assert (filled["landsat"][0] == 255).all()
    assert not filled["sentinel2"][0].any()
    with pytest.raises(InputError, match="none of 1 surveys has a file of landsat"):
        inputs_from_patches(settings_of(root, missing="fill"), ["99"], ["landsat"])


def test_values_of_another_modality_are_named():
    with pytest.raises(InputError, match=r"value 2831.0 lies outside of 0 to 254"):
        whole_numbers(np.array([2831.0]), 255, np.uint8)


def test_real_samples():
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set")
    samples = Path(os.environ["BIOMAP_XR_DATA"]) / "glc_samples"
    old, new = (samples / f"glc24_25/glc{edition}_pre_extracted" for edition in (24, 25))
    names = ("sentinel2", "landsat", "climate")
    first = inputs_from_patches(
        PatchSettings(
            root=old,
            sentinel2="PA_Train_SatellitePatches_RGB",
            landsat="TimeSeries-Cubes",
            climate="TimeSeries-Cubes",
        ),
        ["1322301"],
        names,
    )
    second = inputs_from_patches(
        PatchSettings(
            root=new,
            sentinel2="SatelitePatches",
            landsat="SateliteTimeSeries-Landsat",
            climate="BioclimTimeSeries",
        ),
        ["5000108"],
        names,
    )
    assert first["sentinel2"].shape == (1, 4, 128, 128)
    assert second["sentinel2"].shape == (1, 4, 64, 64)
    assert second["sentinel2"].dtype == np.uint16
    assert 2500 < np.median(first["climate"][0, 1]) < 3100
    series = inputs_from_patches(
        PatchSettings(root=samples / "glc23", landsat="SatelliteTimeSeries", missing="fill"),
        _series_ids(samples),
        ["landsat"],
    )
    assert series["landsat"].shape[1:] == (6, 4, 21)


def _series_ids(samples):
    path = samples / "glc23/SatelliteTimeSeries/time_series_red.csv"
    return [line.split(";")[0] for line in path.read_text().splitlines()[1:4]]
