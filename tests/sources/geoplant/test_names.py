from pathlib import Path

import pytest

from biomap_xr.sources.geoplant.names import find_file, nested_path, nested_places


@pytest.mark.parametrize(
    ("survey_id", "places"),
    [
        ("1322301", ("01/23", "")),
        ("5000108", ("08/01", "")),
        ("1234", ("34/12", "")),
        ("642", ("42/06", "42/6", "")),
        ("42", ("42/00", "42", "")),
        ("7", ("07/00", "7", "")),
    ],
)
def test_nested_places(survey_id: str, places: tuple[str, ...]) -> None:
    assert nested_places(survey_id) == places


@pytest.mark.parametrize("place", ["42/06", "42/6", "."])
def test_a_file_is_found_padded_or_not_or_flat(tmp_path: Path, place: str) -> None:
    file = tmp_path / place / "642.jpeg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert find_file(tmp_path, "642", (".jpg", ".jpeg")) == file
    assert find_file(tmp_path, "643", (".jpg", ".jpeg")) is None


def test_what_is_written_is_found(tmp_path: Path) -> None:
    for survey_id in ("7", "642", "1322301"):
        path = nested_path(tmp_path, survey_id, ".tiff")
        path.parent.mkdir(parents=True)
        path.touch()
        assert find_file(tmp_path, survey_id, (".tiff",)) == path
