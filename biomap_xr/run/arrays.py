"""An array as the bytes of one file, which a worker can map into memory."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def array_to_bytes(array: NDArray[Any]) -> bytes:
    """Return an array of numbers or text as NPY; equal arrays give equal bytes.

    >>> np.load(io.BytesIO(array_to_bytes(np.arange(3)))).tolist()
    [0, 1, 2]
    """
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()
