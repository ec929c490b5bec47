import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.run.fingerprint import fingerprint_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES), st.randoms(use_true_random=False))
def test_order_does_not_matter(parts: dict[str, object], order: random.Random) -> None:
    shuffled = list(parts.items())
    order.shuffle(shuffled)
    assert fingerprint_of(dict(shuffled)) == fingerprint_of(parts)


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"b": 1}, {"a": [1]}, {"a": 1, "b": None}, {"a": "1"}, {}]
)
def test_any_change_gives_another_name(other: dict[str, object]) -> None:
    assert fingerprint_of(other) != fingerprint_of({"a": 1})


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        fingerprint_of({"floor": math.nan})
