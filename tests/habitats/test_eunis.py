import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import (
    FORMATIONS,
    at_level,
    code_of,
    in_order,
    level_of,
    levels_above,
    normalise,
    number_of,
    roll_up,
)

CODES = ("MA221", "N1A", "P3a", "Q11", "R22", "R21", "R1A", "T17", "V39")


@pytest.mark.parametrize(
    "wrong", ["", "X11", "MAa", "R222", "Forest", "~", "r22", "R2a", "MA1", "SEA"]
)
def test_an_unknown_code_is_named(wrong: str) -> None:
    with pytest.raises(InputError, match="is not in the hierarchy"):
        normalise(wrong)


def test_finer_levels_than_the_code_has_are_refused() -> None:
    with pytest.raises(InputError, match="'R2' is of level 2 and has no level 3"):
        at_level("R2", 3)


@pytest.mark.skipif("BIOMAP_XR_DATA" not in os.environ, reason="BIOMAP_XR_DATA is not set")
def test_numbers_are_those_of_the_published_legend() -> None:
    path = Path(os.environ["BIOMAP_XR_DATA"]) / "eunis" / "eunis_legend_detailed.csv"
    legend = pd.read_csv(path, keep_default_na=False)
    legend = legend[legend["EUNIS1"].isin(list(FORMATIONS))]
    finest = legend["EUNIS3"].where(
        legend["EUNIS3"] != "", legend["EUNIS2"].where(legend["EUNIS2"] != "", legend["EUNIS1"])
    )
    assert len(finest) > 300
    assert [number_of(code) for code in finest] == legend["Code"].tolist()
    assert (finest.map(level_of) == 3).sum() == 271


@given(st.lists(st.floats(0, 1, width=32), min_size=len(CODES), max_size=len(CODES)))
def test_levels_keep_the_sum(values: list[float]) -> None:
    probability = np.array(values)[:, None]
    sums = [roll_up(probability, CODES, level)[1].sum() for level in (1, 2, 3)]
    np.testing.assert_allclose(sums, probability.sum(), atol=1e-9)


def test_level_one_is_the_sum_of_its_level_two() -> None:
    probability = np.random.default_rng(0).random((len(CODES), 5))
    classes, middle = roll_up(probability, CODES, 2)
    assert roll_up(middle, classes, 1)[0] == roll_up(probability, CODES, 1)[0]
    np.testing.assert_allclose(
        roll_up(middle, classes, 1)[1], roll_up(probability, CODES, 1)[1], rtol=1e-12
    )


def test_tensors_roll_up_alike() -> None:
    probability = np.random.default_rng(1).random((len(CODES), 4))
    found = roll_up(torch.from_numpy(probability), CODES, 2)[1]
    np.testing.assert_allclose(found.numpy(), roll_up(probability, CODES, 2)[1])


def test_another_count_of_codes_is_refused() -> None:
    with pytest.raises(InputError, match="9 codes for probabilities of 2 habitats"):
        roll_up(np.zeros((2, 1)), CODES, 1)


def test_classes_are_in_the_order_of_their_numbers() -> None:
    classes, place = levels_above(["V39", "MA221", "N1A"], 1)
    assert classes == ("MA2", "N", "V")
    assert place.tolist() == [2, 0, 1]


@pytest.mark.parametrize(("one", "other"), [("T1J", "T1K"), ("T3L", "T3M"), ("P31", "P3a")])
def test_two_habitats_of_one_number_cannot_share_a_map(one: str, other: str) -> None:
    assert set(in_order([other, "R22"])) == {"R22", other}
    with pytest.raises(InputError, match=rf"{one} and {other} both have the number \d+ on a map"):
        in_order(["R22", other, one])


@pytest.mark.parametrize("code", [*CODES, *FORMATIONS, "MA2", "MA22", "T1K", "T3M", "P3j", "R2"])
def test_a_number_has_its_code_again(code: str) -> None:
    assert code_of(number_of(code)) == code


@pytest.mark.parametrize("number", [0, 100, 999, 10_000, 7_099, 65_535])
def test_a_number_of_no_class_is_refused(number: int) -> None:
    with pytest.raises(InputError, match=f"number {number} is that of no EUNIS class"):
        code_of(number)


def test_numbers_of_the_published_legend_have_its_codes() -> None:
    root = os.environ.get("BIOMAP_XR_DATA")
    if not root:
        pytest.skip("BIOMAP_XR_DATA does not name the folder of real data")
    table = pd.read_csv(Path(root) / "eunis" / "eunis_legend_detailed.csv", dtype=str).fillna("")
    table = table[table["Code"].astype(int).between(1000, 65_534)]
    deepest = table["EUNIS3"].where(table["EUNIS3"] != "", table["EUNIS2"])
    deepest = deepest.where(deepest != "", table["EUNIS1"])
    found = [code_of(int(number)) for number in table["Code"]]
    assert found == [normalise(code) for code in deepest]
