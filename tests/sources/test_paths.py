from pathlib import Path

import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file, local_folder, local_path


@pytest.mark.parametrize(
    "hostile",
    [
        "/vsicurl/http://169.254.169.254/a.tif",
        "vsizip/a.zip",
        "//vsimem/a.tif",
        "http://example.org/a.tif",
        "https:/example.org/a.tif",
        "s3://bucket/a.tif",
        "file:///etc/passwd",
        'NETCDF:"a.nc":tas',
        "GTIFF_DIR:2:a.tif",
        "<VRTDataset></VRTDataset>",
        "a\nb",
    ],
)
def test_what_gdal_would_interpret_is_refused(hostile: str) -> None:
    with pytest.raises(InputError, match="no local path"):
        local_path(hostile)


def test_a_missing_path_names_the_part_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'folder' in it is not"):
        local_path(tmp_path / "folder" / "a.tif")


def test_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "a b.tif"
    file.touch()
    assert local_file(file) == file
    assert local_folder(tmp_path) == tmp_path
    with pytest.raises(InputError, match="is a folder"):
        local_file(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        local_folder(file)


def test_parents_in_a_path_are_resolved(tmp_path: Path) -> None:
    assert local_path(tmp_path / "x" / ".." / ".") == tmp_path
