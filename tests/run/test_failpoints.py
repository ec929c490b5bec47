import os
from collections import Counter

import pytest

from biomap_xr.run import failpoints


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    monkeypatch.setattr(os, "_exit", seen.append)
    monkeypatch.setattr(failpoints, "_passages", Counter())
    return seen


@pytest.mark.parametrize(
    ("variable", "deaths"),
    [("", 0), ("elsewhere", 0), ("here", 3), ("here:2", 2), ("here:3", 1), ("here:4", 0)],
)
def test_the_process_ends_from_the_named_passage_on(
    exits: list[int], monkeypatch: pytest.MonkeyPatch, variable: str, deaths: int
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, variable)
    for _ in range(3):
        failpoints.reach("here")
    assert exits == [failpoints.EXIT_STATUS] * deaths


def test_without_the_variable_nothing_happens(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(failpoints.VARIABLE, raising=False)
    failpoints.reach("here")
    assert exits == []
