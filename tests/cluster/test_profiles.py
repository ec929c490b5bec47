from pathlib import Path

import pytest
from pydantic import ValidationError

from biomap_xr.cluster.profiles import (
    AddressProfile,
    LocalCudaProfile,
    LocalProfile,
    SerialProfile,
    profile_of,
    read_profile,
)
from biomap_xr.errors import RecipeError

FOLDER = Path(__file__).parents[2] / "cluster"
KINDS = {
    "local.yaml": LocalProfile,
    "local-cuda.yaml": LocalCudaProfile,
    "address.yaml": AddressProfile,
    "serial.yaml": SerialProfile,
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_profiles_that_come_along_are_valid_and_explained(name: str, kind: type) -> None:
    path = FOLDER / name
    assert isinstance(read_profile(path), kind)
    assert path.read_text().startswith("# ")


def test_no_profile_is_left_out_of_the_tests() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == set(KINDS)


def test_dashboards_stay_on_this_machine_by_default() -> None:
    for kind in ("local", "local-cuda"):
        assert profile_of({"kind": kind}).dashboard == "127.0.0.1:0"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"kind": "local", "proceses": 2}, ["proceses", "2"]),
        ({"kind": "local", "processes": 0}, ["processes", "0"]),
        ({"kind": "local", "memory_limit": "a lot"}, ["memory_limit", "a lot", "3GiB"]),
        ({"kind": "slurm"}, ["kind: 'slurm' is none", "local-cuda", "address"]),
        ({}, ["no key 'kind'"]),
        ([1], ["content"]),
        (None, ["content"]),
        ({"kind": "address"}, ["address.address", "required"]),
        ({"kind": "address", "address": "127.0.0.1:8786"}, ["address", "127.0.0.1:8786"]),
        ({"kind": "local-cuda", "devices": [-1]}, ["devices", "-1"]),
        ({"kind": "serial", "device": "tpu"}, ["device", "tpu"]),
    ],
    ids=str,
)
def test_what_is_no_profile_is_refused_by_key_and_value(content: object, named: list[str]) -> None:
    with pytest.raises(RecipeError) as refusal:
        profile_of(content, "mine.yaml")
    assert refusal.value.status == 2
    for word in ["mine.yaml", *named]:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("kind: [local", "is no YAML"),
        ("!!python/object/apply:os.getcwd []", "is no YAML"),
        ("kind: local\nkind2: x", "kind2"),
        ("# " + "x" * 1_000_001, "1000003 bytes"),
    ],
    ids=["torn", "object", "key", "large"],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError, match=named):
        read_profile(path)


def test_a_missing_file_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.yaml.*No such file.*cluster/local\.yaml"):
        read_profile(tmp_path / "nowhere.yaml")


def test_profiles_are_frozen() -> None:
    with pytest.raises(ValidationError):
        profile_of({"kind": "serial"}).device = "cuda"
