import pytest
from pydantic import ValidationError

from biomap_xr.errors import RecipeError
from biomap_xr.settings import LARGEST_FILE, Settings, read_yaml


class Speed(Settings):
    limit: float = 50.0


@pytest.mark.parametrize("wrong", [{"limits": 3}, {"limit": float("nan")}, {"limit": "fast"}])
def test_unknown_keys_and_impossible_values_are_errors(wrong):
    with pytest.raises(ValidationError):
        Speed(**wrong)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Speed().limit = 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [", "is no YAML"),
        (b"- a\n- b\n", "holds a list, expected a mapping"),
        (b"", "holds nothing, expected a mapping"),
        (b"\xff\xfe\x00", "is no YAML"),
        (b"# " + b"x" * LARGEST_FILE, "expected at most 1000000"),
        (b"!!python/object/apply:os.system ['true']", "is no YAML"),
    ],
    ids=["syntax", "list", "empty", "encoding", "large", "code"],
)
def test_a_file_that_holds_no_settings(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        read_yaml(path, "name another")


def test_a_missing_file_comes_with_advice(tmp_path):
    with pytest.raises(
        RecipeError, match=r"none\.yaml cannot be read: No such file.*; name another"
    ):
        read_yaml(tmp_path / "none.yaml", "name another")
