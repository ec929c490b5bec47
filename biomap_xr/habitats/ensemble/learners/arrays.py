"""Arrays and JSON as bytes: what learners' files are made of. Never a pickle."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from biomap_xr.errors import CorruptError, InputError


def arrays_to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return named arrays of any shape as safetensors; equal arrays give equal bytes.

    >>> arrays_from_bytes(arrays_to_bytes({"a": np.arange(3)}), "a.safetensors")["a"].tolist()
    [0, 1, 2]
    """
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def arrays_from_bytes(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays that safetensors hold.

    Args:
        content: Written by `arrays_to_bytes`.
        name: Of the file, for the message.

    Raises:
        CorruptError: They are no safetensors.
    """
    try:
        return load(content)
    except SafetensorError as error:
        raise CorruptError(
            f"{name}: {len(content)} bytes that are no safetensors ({error}); restore the file or "
            "train again"
        ) from error


def json_to_bytes(content: Mapping[str, Any]) -> bytes:
    """Return JSON with sorted keys: equal contents have equal bytes.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    return json.dumps(content, sort_keys=True, indent=1, allow_nan=False).encode()


def json_from_bytes(content: bytes, name: str) -> dict[str, Any]:
    """Return an object of JSON.

    Args:
        content: Written by `json_to_bytes`.
        name: Of the file, for the message.

    Raises:
        CorruptError: It is no JSON, or no object.
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CorruptError(
            f"{name}: {len(content)} bytes that are no JSON ({error}); restore the file or train "
            "again"
        ) from error
    if not isinstance(found, dict):
        raise CorruptError(
            f"{name}: a JSON {type(found).__name__}, expected an object; restore the file or "
            "train again"
        )
    return found


def file_of(files: Mapping[str, bytes], name: str) -> bytes:
    """Return the content of a file.

    Raises:
        InputError: There is no such file.
    """
    if name not in files:
        raise InputError(
            f"the learner's files are {sorted(files)}, expected {name}; give the whole folder or "
            "train again"
        )
    return files[name]
