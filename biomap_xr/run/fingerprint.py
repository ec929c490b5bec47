"""One short name for everything that a result depends on."""

import hashlib
import json
from collections.abc import Mapping

from pydantic import JsonValue


def fingerprint_of(parts: Mapping[str, JsonValue]) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of named parts, whatever order they are named in.

    The parts are what a result depends on: recipe section, model, inputs and the version number
    declared beside the kernel.

    Raises:
        ValueError: A part is NaN or infinite, which would make equal inputs unequal.

    >>> fingerprint_of({"kernel": 1, "model": "ab"}) == fingerprint_of({"model": "ab", "kernel": 1})
    True
    >>> fingerprint_of({"kernel": 1})[:8]
    'e2644730'
    """
    # Sorted and without spaces: one text for equal parts, on every machine.
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
