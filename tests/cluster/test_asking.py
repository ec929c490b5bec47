import time

import pytest

from biomap_xr.cluster.asking import answered, quietly


def fail() -> None:
    raise KeyError("no")


def test_an_answer_and_an_error_come_back() -> None:
    assert answered(10, divmod, 7, 2) == (3, 1)
    assert answered(10, sorted, [1, 2], reverse=True) == [2, 1]
    with pytest.raises(KeyError, match="no"):
        answered(10, fail)


def test_who_gives_no_answer_is_not_waited_for() -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutError, match=r"sleep gave no answer within 0\.1 s"):
        answered(0.1, time.sleep, 5)
    assert time.monotonic() - start < 2


def test_a_farewell_is_never_an_error() -> None:
    assert quietly(10, fail) is None
    assert quietly(0.1, time.sleep, 5) is None
    assert quietly(10, len, "abc") == 3
