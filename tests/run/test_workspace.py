from pathlib import Path

import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run.workspace import Identity, claim, identity_of

GRID = {"crs": "EPSG:3035", "resolution": 50.0}
DEMO = Identity(recipe="demo", grid=GRID, species="ab")


def test_a_new_folder_is_claimed_and_known_again(tmp_path: Path) -> None:
    workspace = tmp_path / "runs" / "demo"
    assert identity_of(workspace) is None
    claim(workspace, DEMO)
    claim(workspace, DEMO)
    assert identity_of(workspace) == DEMO


@pytest.mark.parametrize(
    ("other", "value"),
    [
        (DEMO.model_copy(update={"recipe": "europe"}), "europe"),
        (DEMO.model_copy(update={"grid": {**GRID, "resolution": 100.0}}), "100.0"),
        (DEMO.model_copy(update={"species": "cd"}), "cd"),
    ],
)
def test_another_recipe_grid_or_species_table_is_refused(
    tmp_path: Path, other: Identity, value: str
) -> None:
    claim(tmp_path, DEMO)
    with pytest.raises(InputError, match=value) as refusal:
        claim(tmp_path, other)
    assert str(tmp_path) in str(refusal.value)
    assert "--workspace" in str(refusal.value)
    assert identity_of(tmp_path) == DEMO


def test_a_species_table_is_added_once_it_is_known(tmp_path: Path) -> None:
    unknown = DEMO.model_copy(update={"species": ""})
    claim(tmp_path, unknown)
    claim(tmp_path, DEMO)
    claim(tmp_path, unknown)
    assert identity_of(tmp_path) == DEMO


def test_a_folder_with_other_peoples_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.docx"):
        claim(tmp_path, DEMO)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_lock_file_does_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / ".biomap.lock").write_text("")
    claim(tmp_path, DEMO)
    assert identity_of(tmp_path) == DEMO


def test_a_torn_identity_is_corrupt_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text('{"recipe": "de')
    with pytest.raises(CorruptError, match=r"workspace\.json"):
        claim(tmp_path, DEMO)
    assert (tmp_path / "workspace.json").read_text() == '{"recipe": "de'
