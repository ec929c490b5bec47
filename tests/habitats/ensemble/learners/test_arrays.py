import numpy as np
import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.learners.arrays import (
    arrays_from_bytes,
    arrays_to_bytes,
    file_of,
    json_from_bytes,
    json_to_bytes,
)


def test_arrays_come_back_bit_by_bit():
    arrays = {
        "a": np.array([[1.5, np.nan]], np.float32),
        "b": np.arange(3, dtype=np.uint16),
        "c": np.asfortranarray(np.arange(6).reshape(2, 3)),
    }
    again = arrays_from_bytes(arrays_to_bytes(arrays), "a.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].dtype == array.dtype


def test_equal_contents_are_equal_bytes():
    assert json_to_bytes({"a": 1, "b": [2.5]}) == json_to_bytes({"b": [2.5], "a": 1})
    assert json_from_bytes(json_to_bytes({"a": 0.1}), "a.json") == {"a": 0.1}


def test_numbers_that_json_has_not_are_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        json_to_bytes({"a": float("nan")})


@pytest.mark.parametrize("content", [b"", b"\x80\x04junk", b"\xff" * 40])
def test_damaged_arrays_are_told(content):
    with pytest.raises(CorruptError, match=rf"a.safetensors: {len(content)} bytes that are no"):
        arrays_from_bytes(content, "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_damaged_json_is_told(content):
    with pytest.raises(CorruptError, match=r"a\.json"):
        json_from_bytes(content, "a.json")


def test_json_of_another_kind_is_told():
    with pytest.raises(CorruptError, match="a JSON list, expected an object"):
        json_from_bytes(b"[1]", "a.json")


def test_missing_file_is_named():
    with pytest.raises(InputError, match=r"files are \['a'\], expected b"):
        file_of({"a": b""}, "b")
