import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from biomap_xr.errors import InputError
from biomap_xr.sources.geoplant.tensors import (
    CLIMATE_SHAPE,
    LANDSAT_SHAPE,
    open_cubes,
    read_tensor,
)

LANDSAT = np.arange(6 * 4 * 21, dtype=np.float32).reshape(LANDSAT_SHAPE)
NAMES = [
    ("landsat", "GLC24-PA-train-landsat-time-series_1322301_cube.pt"),
    ("landsat", "GLC24-PA-test-landsat_time_series_1322301_cube.pt"),
    ("landsat", "GLC25-PA-train-landsat_time_series_1322301_cube.pt"),
    ("climate", "GLC24-PA-train-bioclimatic_monthly_1322301_cube.pt"),
    ("climate", "GLC25-PA-test-bioclimatic-monthly_1322301_cube.pt"),
    ("landsat", "1322301_cube.pt"),
    ("climate", "01/23/1322301_cube.pt"),
]


def save(path: Path, values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(values, path)
    return path


@pytest.mark.parametrize(("modality", "name"), NAMES)
def test_cubes_are_found_under_every_name(tmp_path: Path, modality: str, name: str) -> None:
    shape = {"landsat": LANDSAT_SHAPE, "climate": CLIMATE_SHAPE}[modality]
    save(tmp_path / name, torch.ones(shape))
    cubes = open_cubes(tmp_path, modality)
    assert list(cubes.paths) == ["1322301"]
    assert cubes.read("1322301").shape == shape
    assert pickle.loads(pickle.dumps(cubes)) == cubes


def test_one_folder_may_hold_both_modalities(tmp_path: Path) -> None:
    save(tmp_path / NAMES[0][1], torch.zeros(LANDSAT_SHAPE))
    save(tmp_path / NAMES[3][1], torch.zeros(CLIMATE_SHAPE))
    assert len(open_cubes(tmp_path, "landsat").paths) == 1
    assert len(open_cubes(tmp_path, "climate").paths) == 1


def test_strides_are_honoured(tmp_path: Path) -> None:
    # As published: stored band, year, quarter, seen as band, quarter, year (strides 84, 1, 4).
    stored = torch.from_numpy(np.ascontiguousarray(LANDSAT.transpose(0, 2, 1)))
    view = stored.permute(0, 2, 1)
    assert view.stride() == (84, 1, 4)
    found = read_tensor(save(tmp_path / "1_cube.pt", view), LANDSAT_SHAPE)
    np.testing.assert_array_equal(found, LANDSAT)
    assert found.flags["C_CONTIGUOUS"]


def test_missing_values_and_other_number_types_are_kept(tmp_path: Path) -> None:
    values = torch.full(CLIMATE_SHAPE, float("nan"), dtype=torch.float64)
    assert np.isnan(read_tensor(save(tmp_path / "a.pt", values), CLIMATE_SHAPE)).all()
    whole = torch.full(CLIMATE_SHAPE, 2881, dtype=torch.int16)
    found = read_tensor(save(tmp_path / "b.pt", whole), CLIMATE_SHAPE)
    assert (found.dtype, found.max()) == (np.float32, 2881)


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("hostile"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.zeros(1)}, "holds a dict; expected a tensor"),
        (torch.zeros(CLIMATE_SHAPE), r"shape \(4, 19, 12\); expected \(6, 4, 21\)"),
        (torch.zeros(LANDSAT_SHAPE, dtype=torch.complex64), "complex64"),
        (Hostile(), "cannot be read as a tensor"),
    ],
    ids=["no tensor", "shape", "complex", "code"],
)
def test_other_contents_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        read_tensor(save(tmp_path / "1_cube.pt", content), LANDSAT_SHAPE)
    assert not Path("hostile").exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = save(tmp_path / "1_cube.pt", torch.zeros(LANDSAT_SHAPE))
    content = path.read_bytes()
    end = int(len(content) * kept) if isinstance(kept, float) else kept
    path.write_bytes(content[:end])
    with pytest.raises(InputError, match=r"1_cube\.pt cannot be read as a tensor"):
        read_tensor(path, LANDSAT_SHAPE)


def test_text_and_foreign_zip_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "1_cube.pt"
    path.write_text("no tensor")
    with pytest.raises(InputError, match="cannot be read as a tensor"):
        read_tensor(path, LANDSAT_SHAPE)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "no tensor")
    with pytest.raises(InputError, match="cannot be read as a tensor"):
        read_tensor(path, LANDSAT_SHAPE)


def test_folders_without_one_clear_cube_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no landsat cubes"):
        open_cubes(tmp_path, "landsat")
    with pytest.raises(InputError, match="modality 'soil'"):
        open_cubes(tmp_path, "soil")
    for name in NAMES[:2]:
        save(tmp_path / name[1], torch.zeros(LANDSAT_SHAPE))
    with pytest.raises(InputError, match="cubes of one survey"):
        open_cubes(tmp_path, "landsat")


def test_a_missing_survey_is_named(tmp_path: Path) -> None:
    save(tmp_path / "7_cube.pt", torch.zeros(LANDSAT_SHAPE))
    with pytest.raises(InputError, match="no landsat cube of survey '8'"):
        open_cubes(tmp_path, "landsat").read("8")


@pytest.mark.parametrize("edition", ["glc24_pre_extracted", "glc25_pre_extracted"])
def test_real_cubes(data: Path, edition: str) -> None:
    root = data / "glc_samples/glc24_25" / edition
    landsat, climate = open_cubes(root, "landsat"), open_cubes(root, "climate")
    assert list(landsat.paths) == list(climate.paths)
    survey = next(iter(landsat.paths))
    assert landsat.read(survey).max() <= 254
    rain, mean, warmest, coldest = climate.read(survey)
    # In tenths of a kelvin the mean lies between the coldest and the warmest in every month.
    assert (coldest <= mean).all()
    assert (mean <= warmest).all()
    assert rain.min() >= 0


def test_real_strides_without_torch(data: Path) -> None:
    root = data / "glc_samples/glc24_25/glc24_pre_extracted"
    cubes = open_cubes(root, "climate")
    with zipfile.ZipFile(cubes.paths["1322301"]) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data/0"))
        stored = np.frombuffer(archive.read(name), np.float32)
    # Stored as year, month, variable (strides 1, 48, 4).
    expected = stored.reshape(19, 12, 4).transpose(2, 0, 1)
    np.testing.assert_array_equal(cubes.read("1322301"), expected)
