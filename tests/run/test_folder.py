from pathlib import Path

import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run.folder import CHECKSUMS, read_folder, write_folder

FILES = {"card.json": b"{}", "members/one.bin": b"\x00\x01"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    assert read_folder(tmp_path / "model") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_second_folder_replaces_the_first(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    write_folder({"card.json": b"[]"}, tmp_path / "model")
    assert read_folder(tmp_path / "model") == {"card.json": b"[]"}


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    (tmp_path / "model" / "card.json").write_bytes(b"{ }")
    with pytest.raises(CorruptError, match=r"card\.json: 3 bytes .* expects 44136fa3"):
        read_folder(tmp_path / "model")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    (tmp_path / "model" / "members" / "one.bin").unlink()
    with pytest.raises(CorruptError, match=r"one\.bin is missing"):
        read_folder(tmp_path / "model")


def test_without_checksums_a_folder_is_not_trusted(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    (tmp_path / "model" / CHECKSUMS).unlink()
    with pytest.raises(CorruptError, match="SHA256SUMS is missing"):
        read_folder(tmp_path / "model")


def test_a_required_file_that_was_never_written(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "model")
    with pytest.raises(CorruptError, match=r"weights is missing"):
        read_folder(tmp_path / "model", ("weights",))


def test_no_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        read_folder(tmp_path / "nothing")
