import pytest

from biomap_xr.run.plan import Plan


def test_a_plan_comes_back_as_it_was(tmp_path):
    Plan(4, "1f").write(tmp_path / "maps.json")
    assert Plan.read(tmp_path / "maps.json") == Plan(4, "1f")


def test_an_equal_plan_is_left_alone(tmp_path):
    path = tmp_path / "maps.json"
    Plan(4, "1f").write(path)
    before = path.stat().st_mtime_ns
    Plan(4, "1f").write(path)
    assert path.stat().st_mtime_ns == before
    Plan(5, "1f").write(path)
    assert Plan.read(path) == Plan(5, "1f")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"tiles": 4}'])
def test_what_cannot_be_read_is_no_plan(tmp_path, content):
    path = tmp_path / "maps.json"
    if content is not None:
        path.write_text(content)
    assert Plan.read(path) is None
